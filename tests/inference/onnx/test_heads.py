"""Every head and pooling gives the same numbers in ONNX Runtime as in PyTorch, at any length."""

from collections.abc import Sequence

import numpy as np
import onnxruntime
import pytest
import torch

from medusa.cache import Packed
from medusa.errors import RunError
from medusa.heads.config import HeadConfig
from medusa.heads.examples.frames import average_frames
from medusa.heads.networks.head import HEADS, Head, build
from medusa.heads.networks.pooling import POOLS
from medusa.heads.networks.standardise import Standardise
from medusa.inference.onnx.compare import run
from medusa.inference.onnx.graph import OnnxGraph
from medusa.inference.onnx.model_graph import head_values
from medusa.inference.onnx.padded import PaddedFrames, averaged

WIDTHS, CLASSES = (6, 5), 4
BATCHES = (((1, 1), (1, 1)), ((3, 1, 17), (5, 2, 1)), ((40,), (3,)))
SMALL = {"width": 8, "feedforward": 12, "attention_heads": 2}


def session_of(head: Head, widths: Sequence[int], group: int = 1) -> onnxruntime.InferenceSession:
    """Return a session of a head alone."""
    graph, frames = OnnxGraph(), []
    for number, width in enumerate(widths):
        values = graph.input(f"features_{number}", "float32", ["batch", f"frames_{number}", width])
        given = PaddedFrames(values, graph.input(f"lengths_{number}", "int64", ["batch"]))
        frames.append(averaged(given.like(given.filled(0.0)), group))
    found = head_values(frames, head)
    graph.output("logits", found.logits, ["batch", CLASSES])
    graph.output("attributes", found.attributes, ["batch", 3])
    return onnxruntime.InferenceSession(graph.model({}).SerializeToString())


def made(config: HeadConfig, widths: Sequence[int] = WIDTHS, layers: Sequence[int] = ()) -> Head:
    """Return a head whose parameters are all random, buffers too."""
    torch.manual_seed(0)
    head = build(config, widths, CLASSES, layers=layers or None).eval()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
        for module in head.modules():
            if isinstance(module, Standardise):
                module.mean.normal_()
                module.std.uniform_(0.5, 2)
    fill(head.output)
    return head


def fill(output: torch.nn.Module) -> None:
    """Give the classifiers of convex heads support vectors, and all scales a random value."""
    buffers = dict(output.named_buffers())
    rows = 9 if "classes.support" in buffers else 0
    for name, buffer in buffers.items():
        if name == "classes.support":
            buffer.resize_(rows, buffer.shape[1]).normal_()
        elif name == "classes.weight":
            buffer.resize_(buffer.shape[0], rows).uniform_(0.1, 1)
        elif name == "classes.k":
            buffer.fill_(4)
        elif name == "floor":
            buffer.fill_(0.05)
        elif name != "mean":
            buffer.uniform_(0.5, 1.5)


def drawn(lengths: Sequence[int], width: int, seed: int) -> Packed:
    torch.manual_seed(seed)
    return Packed(torch.randn(sum(lengths), width), torch.tensor(lengths))


@torch.no_grad()
def assert_same(head: Head, widths: Sequence[int], batches: Sequence[Sequence[Sequence[int]]]):
    session = session_of(head, widths)
    for batch in batches:
        inputs = [drawn(one, wide, 1) for one, wide in zip(batch, widths, strict=True)]
        logits, attributes = head(inputs)
        found = run(session, inputs)
        np.testing.assert_allclose(found["logits"], logits.float(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found["attributes"], attributes.float(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", POOLS)
@pytest.mark.parametrize("name", HEADS)
def test_every_head_with_every_pooling(name: str, pooling: str) -> None:
    config = HeadConfig(name=name, pooling=pooling, **SMALL)
    assert_same(made(config), WIDTHS, BATCHES)


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("standardise", [False, True])
def test_sums_of_layers_and_standardised_channels(normalise: bool, standardise: bool) -> None:
    config = HeadConfig(standardise=standardise, normalise_layers=normalise, **SMALL)
    head = made(config, WIDTHS, layers=(3, 1))
    assert_same(head, (18, 5), BATCHES)


def test_all_statistics_and_quantiles() -> None:
    names = ("mean", "deviation", "delta_mean", "delta_deviation", "q0", "q33", "q50", "q100")
    config = HeadConfig(name="late_fusion", pooling="functionals", functionals=names, **SMALL)
    assert_same(made(config), WIDTHS, BATCHES)


@pytest.mark.parametrize("name", ["deepser", "probe"])
@pytest.mark.parametrize("widths", [(6,), (5, 5, 5)])
def test_one_and_three_modalities_and_bounded_attributes(name: str, widths: tuple[int]) -> None:
    config = HeadConfig(name=name, attribute_map="sigmoid", layers=3, **SMALL)
    batches = [[(4, 1, 9)] * len(widths)]
    assert_same(made(config, widths), widths, batches)


@pytest.mark.parametrize("group", [2, 3, 8])
@torch.no_grad()
def test_averaged_frames(group: int) -> None:
    head = made(HeadConfig(**SMALL))
    inputs = [drawn((7, 1, 6), 6, 0), drawn((4, 9, 3), 5, 1)]
    logits, _ = head([average_frames(x, group) for x in inputs])
    found = run(session_of(head, WIDTHS, group), inputs)
    np.testing.assert_allclose(found["logits"], logits, rtol=1e-4, atol=1e-5)


def test_the_published_network_reads_the_padding() -> None:
    head = made(HeadConfig(name="medusa_published", **SMALL))
    session = session_of(head, WIDTHS)
    short, long = drawn((3,), 6, 0), drawn((3, 20), 6, 0)
    words, more = drawn((2,), 5, 1), drawn((2, 2), 5, 1)
    alone = run(session, [short, words])["logits"][0]
    beside = run(session, [Packed(torch.cat([short.values, long.values[:20]]), long.lengths), more])
    assert np.abs(alone - beside["logits"][0]).max() > 1e-3


def test_a_module_without_a_form_is_named() -> None:
    class OwnFusion(HEADS["probe"]):  # type: ignore[misc, valid-type]
        pass

    head = made(HeadConfig(name="probe", **SMALL))
    head.fusion.__class__ = OwnFusion
    with pytest.raises(RunError, match="OwnFusion: this head has no ONNX form; export a model"):
        session_of(head, WIDTHS)
