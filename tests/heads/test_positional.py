"""The pool that knows where in an utterance a frame is, learned and in closed form."""

import math

import numpy as np
import pytest
import torch

from medusa.cache import Packed
from medusa.heads.choices import check_choices
from medusa.heads.config import ConfigError, HeadConfig, load
from medusa.heads.fusion import build
from medusa.heads.pool import KNOTS, MeanPool, PositionalPool, near_knots
from medusa.heads.position import LEAST, Positions, at_knots

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
        shape = HeadConfig(name, width=8, layers=2, feedforward=12, dropout=0.0, pool=pool)
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


def test_the_best_positions_are_where_classes_differ() -> None:
    x, labels = world()
    found = Positions(torch.tensor([[1.0, 0.0]]), 2)
    found.add(x, labels)
    weights = found.best().exp()
    assert weights.max() == 1 and weights[2:6].min() > 0.7
    assert weights[[0, 7]].max() < 0.2 and weights.min() >= LEAST


def test_no_other_weights_do_better() -> None:
    """Fisher's ratio of the pooled score, worked out from the utterances one by one."""
    x, labels = world()
    scores = torch.tensor([[1.0, 0.3]])
    found = Positions(scores, 2)
    for half in (slice(0, 250), slice(250, 600)):  # in two batches
        own = x.split()[half]
        found.add(Packed.of(list(own)), labels[half])
    each = at_knots(x, scores)[:, :, 0].double()

    def ratio(weights: torch.Tensor) -> float:
        said = each @ weights
        one, other = said[labels == 0], said[labels == 1]
        return float((one.mean() - other.mean()) ** 2 / (one.var() + other.var()))

    best = found.best().exp()
    torch.manual_seed(0)
    for _ in range(200):
        assert ratio(best) * 1.002 > ratio((best + 0.2 * torch.randn(KNOTS)).clamp_min(0))


def test_heads_without_use_for_it_say_so() -> None:
    for name in ("early_concat", "probe", "cross_attention"):
        config = load("small", (f"head.name={name}", "head.pool=positional"))
        with pytest.raises(ConfigError, match=rf"head.pool: {name} has no use.* set it to mean"):
            check_choices(config)
    check_choices(load("small", ("head.pool=positional",)))
    check_choices(load("small", ("head.name=discriminant", "head.pool=positional")))
