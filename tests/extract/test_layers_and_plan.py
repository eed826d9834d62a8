"""Layer numbers, reductions, batches, and halving them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch

from medusa.errors import ConfigError, DeviceError, MedusaError
from medusa.extract.encoders.encoder import parse_layers, reduced
from medusa.extract.encoders.runner import BatchSplitter
from medusa.extract.inputs.segments import Segment
from medusa.extract.inputs.utterances import Utterance
from medusa.extract.passes.plan import plan_batches
from medusa.extract.passes.stream import prefetch_map


@pytest.mark.parametrize(
    ("text", "n_layers", "expected"),
    [
        ("-1", 24, (24,)),
        ("20", 24, (20,)),
        ("20-24", 24, (20, 21, 22, 23, 24)),
        ("last", 24, (24,)),
        ("last4", 24, (21, 22, 23, 24)),
        ("last4", 4, (1, 2, 3, 4)),
        ("last4", 2, (1, 2)),
        ("last", 0, (0,)),
        ("last4", 0, (0,)),
        ("all", 3, (0, 1, 2, 3)),
        ("-1, 0,2-3,3", 5, (0, 2, 3, 5)),
        ("-6", 5, (0,)),
        ("middle", 6, (2, 3, 4)),
        ("middle", 32, (11, 16, 21)),
        ("middle", 1, (0, 1)),
    ],
)
def test_layers_are_read(text: str, n_layers: int, expected: tuple[int, ...]) -> None:
    assert parse_layers(text, n_layers) == expected


@pytest.mark.parametrize("text", ["25", "-26", "3-2", "20-25", "", "four", "last30x", "1,,2"])
def test_other_layers_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="0 to 24"):
        parse_layers(text, 24)


def test_reductions() -> None:
    layers = torch.tensor([[[1.0, 2.0]], [[3.0, 10.0]]])
    assert reduced(layers, "none").tolist() == layers.tolist()
    assert reduced(layers, "sum").tolist() == [[[4.0, 12.0]]]
    assert reduced(layers, "mean").tolist() == [[[2.0, 6.0]]]


def test_reduction_is_in_float32() -> None:
    half = torch.full((2, 1, 1), 40000.0, dtype=torch.float16)
    assert reduced(half, "mean").item() == 40000.0


def utterances(*seconds: float) -> list[Utterance]:
    segment = Segment(Path("a.wav"), 0.0, 1.0)
    return [Utterance(f"u{i}", f"c{i}", segment, one) for i, one in enumerate(seconds)]


def names(plan: Sequence[Sequence[Utterance]]) -> list[list[str]]:
    return [[one.id for one in batch] for batch in plan]


def test_batches_keep_the_padded_length_within_the_budget() -> None:
    plan = list(plan_batches(utterances(2, 9, 3, 4, 1, 2), batch_seconds=8))
    assert names(plan) == [["u1"], ["u3", "u2"], ["u0", "u5", "u4"]]


def test_batches_are_of_neighbours() -> None:
    plan = list(plan_batches(utterances(1, 2, 3, 4), batch_seconds=100, window=2))
    assert names(plan) == [["u1", "u0"], ["u3", "u2"]]


def test_what_is_padded_counts_as_padded() -> None:
    plan = list(plan_batches(utterances(1, 1, 1), batch_seconds=60, least_s=30))
    assert names(plan) == [["u0", "u1"], ["u2"]]


def test_nothing_is_left_out() -> None:
    lengths = torch.rand(500, generator=torch.Generator().manual_seed(0)) * 10
    everything = utterances(*lengths.tolist())
    plan = list(plan_batches(everything, batch_seconds=40, window=64))
    assert sorted(name for batch in names(plan) for name in batch) == sorted(
        one.id for one in everything
    )
    for batch in plan:
        assert len(batch) * max(one.seconds for one in batch) <= 40


class Small:
    """A model whose memory holds two items, and no item called big."""

    def __init__(self) -> None:
        self.tried: list[int] = []

    def encode(self, items: Sequence[str]) -> list[str]:
        self.tried.append(len(items))
        if len(items) > 2 or "big" in items:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return [item.upper() for item in items]


@pytest.mark.usefixtures("shown")
def test_a_batch_is_halved_until_it_fits(capsys: pytest.CaptureFixture[str]) -> None:
    model = Small()
    fitting = BatchSplitter(model.encode)
    batch = list(zip(utterances(4, 3, 2, 1), "abcd", strict=True))
    assert [answer for _, answer in fitting(batch)] == ["A", "B", "C", "D"]
    assert model.tried == [4, 2, 2]
    assert "u0 (a.wav) with 4.0 s; the work goes on with batch_seconds=8" in capsys.readouterr().err
    fitting(batch)
    assert model.tried == [4, 2, 2, 2, 2]  # the second time it is halved before it is tried


def test_what_does_not_fit_alone_is_reported_and_the_rest_goes_on() -> None:
    batch = list(zip(utterances(90, 1, 1), ["big", "b", "c"], strict=True))
    answers = BatchSplitter(Small().encode)(batch)
    assert isinstance(answers[0][1], DeviceError) and "90.0 s" in str(answers[0][1])
    assert [answer for _, answer in answers[1:]] == ["B", "C"]


def test_other_errors_are_not_swallowed() -> None:
    def broken(items: Sequence[str]) -> list[str]:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        BatchSplitter(broken)(list(zip(utterances(1), "a", strict=True)))


def test_ahead_keeps_the_order_and_its_distance() -> None:
    begun: list[int] = []

    def jobs() -> Iterator[int]:
        for index in range(20):
            begun.append(index)
            yield index

    results = prefetch_map(lambda index: index * index, jobs(), workers=3, depth=4)
    assert next(results) == 0
    assert len(begun) == 4
    assert list(results) == [index * index for index in range(1, 20)]


def test_ahead_raises_when_the_turn_comes() -> None:
    def work(index: int) -> int:
        if index == 2:
            raise MedusaError("two")
        return index

    results = prefetch_map(work, range(5))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(MedusaError, match="two"):
        next(results)
