"""Operations on the frames of utterances of different lengths, padded to one length."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medusa.inference.onnx.graph import OnnxGraph, Value


@dataclass(frozen=True)
class PaddedFrames:
    """The frames of B utterances, of which the longest has T.

    Attributes:
        values: (B, T, D) float32. The values behind the end of an utterance are finite.
        lengths: (B,) int64, at least 1.
    """

    values: Value
    lengths: Value

    @property
    def graph(self) -> OnnxGraph:
        """The graph to which the frames belong."""
        return self.values.graph

    @property
    def numbers(self) -> Value:
        """The numbers of the frames, (T,) int64."""
        zero, one = np.array(0, np.int64), np.array(1, np.int64)
        steps = self.graph.op("Squeeze", self.values.size(1))
        return self.graph.op("Range", zero, steps, one)

    @property
    def mask(self) -> Value:
        """(B, T, 1), true on the frames of each utterance."""
        inside = self.graph.op("Less", self.numbers.unsqueeze(0), self.lengths.unsqueeze(1))
        return inside.unsqueeze(2)

    @property
    def counts(self) -> Value:
        """The lengths as (B, 1) float32."""
        return self.lengths.unsqueeze(1).to("float32")

    def like(self, values: Value) -> "PaddedFrames":
        """Return other values (B, T, any width) of the same utterances."""
        return PaddedFrames(values, self.lengths)

    def filled(self, number: float) -> Value:
        """Return the values with this number behind the end of each utterance."""
        return self.graph.op("Where", self.mask, self.values, np.float32(number))

    def sum(self) -> Value:
        """Return the sum over the frames of each utterance, (B, D)."""
        return self.filled(0.0).reduce("Sum", 1)

    def mean(self) -> Value:
        """Return the mean over the frames of each utterance, (B, D)."""
        return self.sum() / self.counts

    def gathered(self, numbers: Value) -> Value:
        """Return the frames with these numbers, (B, S, D) of numbers (B, S)."""
        return self.graph.op("GatherND", self.values, numbers.unsqueeze(2), batch_dims=1)


def joined_over_time(parts: Sequence[PaddedFrames]) -> PaddedFrames:
    """Join the same utterances of several modalities, without gaps, as `medusa.cache.cat`."""
    graph = parts[0].graph
    lengths = parts[0].lengths
    for part in parts[1:]:
        lengths = lengths + part.lengths
    values = graph.concat([part.values for part in parts], 1)
    whole = PaddedFrames(values, lengths)
    mask = graph.op("Squeeze", graph.concat([part.mask for part in parts], 1), np.array([2]))
    # Frames come first in their order, and then the padding.
    keys = graph.op("Where", mask, whole.numbers, whole.numbers + values.size(1))
    order = graph.ops("TopK", [keys, values.size(1)], 2, axis=1, largest=0, sorted=1)[1]
    return PaddedFrames(whole.gathered(order), lengths)


def averaged(frames: PaddedFrames, group: int) -> PaddedFrames:
    """Average every `group` consecutive frames; the last group of an utterance may be shorter."""
    if group == 1:
        return frames
    graph = frames.graph
    steps = frames.values.size(1)
    wanted = (steps + np.array([group - 1])) / np.array([group]) * np.array([group])
    sizes = graph.concat([graph.constant(0, 0, 0, 0), wanted - steps, graph.constant(0)], 0)
    real = graph.op("Where", frames.mask, np.float32(1), np.float32(0))
    values, real = graph.op("Pad", frames.filled(0.0), sizes), graph.op("Pad", real, sizes)
    sums = graph.op(
        "Reshape", values, graph.concat([graph.constant(0, -1, group), values.size(2)], 0)
    )
    counts = real.reshape(0, -1, group, 1).reduce("Sum", 2)
    means = sums.reduce("Sum", 2) / graph.op("Max", counts, np.float32(1))
    lengths = (frames.lengths + np.array([group - 1])) / np.array([group])
    return PaddedFrames(means, lengths)


def unmasked(frames: PaddedFrames) -> PaddedFrames:
    """Return the frames with zeros as padding, which count as frames (published code)."""
    same = frames.graph.op("Expand", frames.values.size(1), frames.values.size(0))
    return PaddedFrames(frames.filled(0.0), same)
