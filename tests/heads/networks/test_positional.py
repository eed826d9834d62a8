"""The pool that knows where in an utterance a frame is, learned and in closed form."""

import math

import numpy as np
import pytest
import torch

from medusa.cache import Packed
from medusa.errors import ConfigError
from medusa.heads.closed_form.fit_positions import in_halves
from medusa.heads.closed_form.positions import LEAST, Positions, at_knots, best_positions
from medusa.heads.config import HeadConfig, load
from medusa.heads.fitting.check_choices import check_choices
from medusa.heads.networks.head import build
from medusa.heads.networks.pooling import KNOTS, MeanPool, PositionalPool, near_knots

LENGTHS = (1, 3, 8, 29)


def frames(width: int = 5, lengths=LENGTHS) -> Packed:
    torch.manual_seed(3)
    return Packed.of([torch.randn(length, width) for length in lengths])


def pool_of(logs: list[float]) -> PositionalPool:
    pool = PositionalPool(5)
    pool.position.data = torch.tensor(logs)
    return pool


def slow_weight(frame: int, length: int, weights: list[float]) -> float:
    """The line through the two nearest knots, flat before the first and behind the last."""
    middles = [(k + 0.5) / KNOTS for k in range(KNOTS)]
    return float(np.interp((frame + 0.5) / length, middles, weights))


def test_it_is_the_mean_to_begin_with() -> None:
    x = frames()
    torch.testing.assert_close(PositionalPool(5)(x), MeanPool(5)(x))


def test_a_weighted_mean_by_a_loop() -> None:
    logs = [-1.0, 0.5, 0.0, 2.0, 1.0, -3.0, 0.3, -0.2]
    x, found = frames(), pool_of(logs)(frames())
    for utterance, own in zip(found, x.split(), strict=True):
        weights = [
            slow_weight(t, len(own), [math.exp(one) for one in logs]) for t in range(len(own))
        ]
        total = sum(w * frame for w, frame in zip(weights, own, strict=True))
        torch.testing.assert_close(utterance, total / sum(weights))


def test_only_differences_count_and_no_utterance_is_left_without_weight() -> None:
    x = frames(lengths=(2, 1, 40))
    one = pool_of([0.0] * 7 + [1.0])(x)
    torch.testing.assert_close(pool_of([500.0] * 7 + [501.0])(x), one)
    assert pool_of([1e4] + [-1e4] * 7)(x).isfinite().all()


def test_the_same_alone_as_in_company() -> None:
    pool, x = pool_of([0.1 * k for k in range(KNOTS)]), frames()
    for utterance, own in zip(pool(x), x.split(), strict=True):
        torch.testing.assert_close(pool(Packed.of([own]))[0], utterance)


@pytest.mark.parametrize("name", ["deepser", "late_fusion"])
def test_a_head_hears_order_with_it_alone(name) -> None:
    for pool in ("mean", "positional"):
        torch.manual_seed(0)
        shape = HeadConfig(name, width=8, layers=2, feedforward=12, dropout=0.0, pooling=pool)
        head, inputs = build(shape, [5, 5], 3).eval(), [frames(), frames()]
        for one in head.modules():
            if isinstance(one, PositionalPool):
                one.position.data = torch.arange(KNOTS) / 4
        turned = [Packed.of([own.flip(0) for own in x.split()]) for x in inputs]
        apart = (head(inputs)[0] - head(turned)[0]).abs().max().item()
        assert apart < 1e-5 if pool == "mean" else apart > 1e-3


def test_what_knots_add_sums_to_the_average_of_the_scores() -> None:
    x, scores = frames(), torch.randn(4, 5)
    found = at_knots(x, scores)
    torch.testing.assert_close(found.sum(1), MeanPool(5)(x) @ scores.T)
    torch.testing.assert_close(near_knots(x).sum(1), torch.ones(sum(LENGTHS)))


def world(rows: int = 600) -> tuple[Packed, torch.Tensor]:
    """Two classes that differ between a quarter and three quarters of an utterance alone."""
    rng = np.random.default_rng(0)
    labels = np.arange(rows) % 2
    lengths = rng.integers(8, 25, rows)
    utterances = []
    for label, length in zip(labels, lengths, strict=True):
        x = rng.normal(size=(length, 2))
        inside = abs((np.arange(length) + 0.5) / length - 0.5) < 0.25
        x[inside, 0] += label
        utterances.append(torch.from_numpy(x).float())
    return Packed.of(utterances), torch.from_numpy(labels)


def summed(x: Packed, labels: torch.Tensor, scores: list[float], cuts=(0,)) -> Positions:
    """Counted in batches that begin at `cuts`."""
    found = Positions(torch.tensor([scores]), 2, torch.device("cpu"))
    own = x.split()
    for start, end in zip(cuts, (*cuts[1:], len(own)), strict=True):
        found.add(Packed.of(list(own[start:end])), labels[start:end])
    return found


def ratio(x: Packed, labels: torch.Tensor, scores: list[float], weights: torch.Tensor) -> float:
    """Fisher's ratio of the score, worked out utterance by utterance."""
    each = at_knots(x, torch.tensor([scores]))[:, :, 0].double() @ weights.double()
    one, other = each[labels == 0], each[labels == 1]
    return float((one.mean() - other.mean()) ** 2 / (one.var() + other.var()))


def test_the_best_positions_are_where_classes_differ() -> None:
    weights = best_positions([summed(*world(), [1.0, 0.0])]).exp()
    assert weights.max() == 1 and weights[2:6].min() > 0.7
    assert weights[[0, 7]].max() < 0.2 and weights.min() >= LEAST


def test_no_other_weights_do_better() -> None:
    (x, labels), scores = world(), [1.0, 0.3]
    best = best_positions([summed(x, labels, scores, (0, 250))]).exp()
    torch.manual_seed(0)
    for _ in range(200):
        other = (best + 0.2 * torch.randn(KNOTS)).clamp_min(0)
        assert ratio(x, labels, scores, best) * 1.002 > ratio(x, labels, scores, other)


@pytest.mark.parametrize("loudness", [0, 1, 4])
def test_speakers_who_are_loudest_where_classes_differ(loudness) -> None:
    """The best contrast would subtract the ends, which no average can: no weight is below zero."""
    x, labels = world()
    place = torch.cat([(torch.arange(n) + 0.5) / n for n in x.lengths])
    offsets = torch.from_numpy(np.random.default_rng(5).normal(size=len(labels))).float()
    loud = loudness * torch.sin(math.pi * place) * offsets[x.owners]
    heard = x.like(x.values + loud[:, None] * torch.tensor([1.0, 0.0]))
    best = best_positions([summed(heard, labels, [1.0, 0.0])]).exp()
    found = ratio(heard, labels, [1.0, 0.0], best)
    generator = torch.Generator().manual_seed(0)
    tried = [torch.rand(KNOTS, generator=generator) ** 4 for _ in range(300)]
    tried += [torch.ones(KNOTS), *torch.eye(KNOTS)]
    assert found * 1.02 > max(ratio(heard, labels, [1.0, 0.0], one) for one in tried)


def test_parts_are_added_up() -> None:
    """One half says nothing: the other decides, as alone."""
    x, labels = world()
    alone = best_positions([summed(x, labels, [1.0, 0.0])])
    silent = summed(x, labels, [0.0, 1e-6])
    torch.testing.assert_close(best_positions([silent, summed(x, labels, [1.0, 0.0])]), alone)


@pytest.mark.parametrize("lengths", [(1,) * 40, (1, 3) * 20])
def test_where_nothing_varies_all_count_alike(lengths) -> None:
    """Streams of single frames, and a constant."""
    x, labels = frames(lengths=lengths), torch.arange(40) % 2
    if 3 in lengths:
        x = x.like(torch.zeros_like(x.values))
    found = best_positions([summed(x, labels, [1.0, 0.0, 0.0, 0.0, 0.0])])
    assert found.tolist() == [0.0] * KNOTS


def test_halves_share_every_class() -> None:
    labels = np.array([0, 1, -1, 0, 1, 1, 2, 2, 0, -1])
    rows = np.arange(1, 10)
    one, other = in_halves(rows, labels)
    assert sorted([*one, *other]) == [1, 3, 4, 5, 6, 7, 8]
    assert set(labels[one]) == set(labels[other]) == {0, 1, 2}
    assert in_halves(np.arange(7), labels) is None  # class 2 has one row


def test_heads_without_use_for_it_say_so() -> None:
    for name in ("early_concat", "probe", "cross_attention"):
        config = load("small", (f"head.name={name}", "head.pooling=positional"))
        with pytest.raises(ConfigError, match=rf"head.pooling: {name} has no use.* set it to mean"):
            check_choices(config)
    with pytest.raises(ConfigError) as told:
        check_choices(load("small", ("head.name=deepserr", "head.pooling=positional")))
    assert "head.pooling" not in str(told.value)
    check_choices(load("small", ("head.pooling=positional",)))
    check_choices(load("small", ("head.name=discriminant", "head.pooling=positional")))
