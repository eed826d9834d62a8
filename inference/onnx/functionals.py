"""Statistics over time of padded frames, as `medusa.heads.networks.segments` computes them."""

from collections.abc import Callable

import numpy as np

from medusa.errors import RunError
from medusa.inference.onnx.graph import Value
from medusa.inference.onnx.padded import PaddedFrames


def functional(x: PaddedFrames, name: str) -> Value:
    """Return one statistic of each utterance, (B, D).

    Args:
        x: the frames.
        name: a statistic, or a quantile such as `q25`.
    """
    if name in STATISTICS:
        return STATISTICS[name](x)
    if name[0] == "q" and name[1:].isdigit():
        return _quantile(x, int(name[1:]) / 100)
    raise RunError(f"{name}: this statistic has no ONNX form; leave it out of head.functionals")


def _deviation(x: PaddedFrames) -> Value:
    apart = x.values - x.mean().unsqueeze(1)
    return x.graph.op("Sqrt", x.like(apart * apart).mean())


def _delta_mean(x: PaddedFrames) -> Value:
    deltas, _, counts = _deltas(x)
    return x.graph.op("Abs", deltas).reduce("Sum", 1) / counts


def _delta_deviation(x: PaddedFrames) -> Value:
    deltas, inside, counts = _deltas(x)
    means = deltas.reduce("Sum", 1) / counts
    apart = x.graph.op("Where", inside, deltas - means.unsqueeze(1), np.float32(0))
    return x.graph.op("Sqrt", (apart * apart).reduce("Sum", 1) / counts)


def _deltas(x: PaddedFrames) -> tuple[Value, Value, Value]:
    """Return each frame minus the frame before, where there is one, and how many there are."""
    graph = x.graph
    earlier = graph.op("Slice", x.values, *map(graph.constant, (0, -1, 1)))
    before = graph.op("Pad", earlier, graph.constant(0, 1, 0, 0, 0, 0))
    later = graph.op("Greater", x.numbers, np.array(0, np.int64)).unsqueeze(0, 2)
    inside = graph.op("And", x.mask, later)
    deltas = graph.op("Where", inside, x.values - before, np.float32(0))
    counts = graph.op("Max", x.counts - np.float32(1), np.float32(1))
    return deltas, inside, counts


def _quantile(x: PaddedFrames, share: float) -> Value:
    """Interpolate linearly between the sorted values of each channel."""
    graph = x.graph
    values, steps = x.filled(float("inf")), x.values.size(1)
    ordered = x.like(graph.ops("TopK", [values, steps], 2, axis=1, largest=0, sorted=1)[0])
    last = x.lengths - np.array(1, np.int64)
    at = last.to("float64") * np.float64(share)
    low = graph.op("Floor", at).to("int64")
    high = graph.op("Min", low + np.array(1, np.int64), last)
    lower, upper = (ordered.gathered(one.unsqueeze(1)).reduce("Sum", 1) for one in (low, high))
    part = (at - low.to("float64")).to("float32").unsqueeze(1)
    return lower + part * (upper - lower)


STATISTICS: dict[str, Callable[[PaddedFrames], Value]] = {
    "mean": PaddedFrames.mean,
    "deviation": _deviation,
    "delta_mean": _delta_mean,
    "delta_deviation": _delta_deviation,
}
