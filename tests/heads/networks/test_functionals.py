"""The statistics over time against a slow loop of numpy, and their gradients."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from medusa.cache import Packed
from medusa.errors import ConfigError
from medusa.heads.config import HeadConfig, load
from medusa.heads.fitting.check_choices import check_choices
from medusa.heads.networks.head import build
from medusa.heads.networks.pooling import FunctionalsPool
from medusa.heads.networks.segments import segment_quantiles
from medusa.heads.runs.config_digest import digest_of

NAMES = ("q0", "mean", "q37", "deviation", "delta_deviation", "q50", "delta_mean", "q100")
LENGTHS = (7, 1, 2, 30, 1, 3)
WIDTH = 5


def utterances(seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, WIDTH)).astype(np.float32) * 3 + 1 for length in LENGTHS]


def packed(parts: list[np.ndarray]) -> Packed:
    return Packed.of([torch.from_numpy(part) for part in parts])


def by_a_loop(frames: np.ndarray) -> np.ndarray:
    """Return the statistics of one utterance, channel by channel, in the order of `NAMES`."""
    columns = []
    for name in NAMES:
        for channel in frames.astype(np.float64).T:
            deltas = [b - a for a, b in pairwise(channel)] or [0.0]
            if name == "mean":
                columns.append(sum(channel) / len(channel))
            elif name == "deviation":
                columns.append(np.std(channel))
            elif name == "delta_mean":
                columns.append(np.mean(np.abs(deltas)))
            elif name == "delta_deviation":
                columns.append(np.std(deltas))
            else:
                columns.append(np.quantile(channel, int(name[1:]) / 100))
    return np.array(columns)


def test_every_statistic_by_a_loop() -> None:
    parts = utterances()
    pool = FunctionalsPool(WIDTH, NAMES)
    found = pool(packed(parts))
    assert found.shape == (len(LENGTHS), pool.out_width) == (6, 8 * WIDTH)
    expected = np.stack([by_a_loop(part) for part in parts])
    np.testing.assert_allclose(found.numpy(), expected, rtol=2e-6, atol=2e-6)


def test_an_utterance_of_one_frame_varies_by_nothing() -> None:
    one = packed([np.full((1, WIDTH), 12345.678, np.float32)])
    found = FunctionalsPool(WIDTH, NAMES)(one).view(len(NAMES), WIDTH)
    for name, values in zip(NAMES, found, strict=True):
        expected = 0.0 if "delta" in name or name == "deviation" else np.float32(12345.678)
        assert (values == expected).all(), name


def test_an_utterance_is_the_same_alone_and_its_neighbours_may_be_anything() -> None:
    parts = utterances()
    pool = FunctionalsPool(WIDTH, NAMES)
    together = pool(packed(parts))
    parts[2][:] = np.inf
    with_infinity = pool(packed(parts))
    for number in (0, 1, 3, 4, 5):
        assert torch.equal(pool(packed([parts[number]]))[0], together[number])
        assert torch.equal(with_infinity[number], together[number])


@pytest.mark.parametrize("name", NAMES)
def test_gradients_by_finite_differences(name: str) -> None:
    """The step is 0.01 of values in steps of 0.5, so no order and no sign changes on the way."""
    rng = np.random.default_rng(3)
    values = rng.permutation(np.arange(24)).reshape(12, 2).astype(np.float32) / 2
    frames = torch.from_numpy(values).requires_grad_()
    lengths, pool = torch.tensor([4, 1, 7]), FunctionalsPool(2, (name,))
    weights = torch.from_numpy(rng.normal(size=(3, 2)).astype(np.float32))

    def loss(x: torch.Tensor) -> torch.Tensor:
        return (pool(Packed(x, lengths)) * weights).sum()

    loss(frames).backward()
    assert frames.grad is not None
    for row in range(12):
        for channel in range(2):
            step = torch.zeros(12, 2)
            step[row, channel] = 0.01
            slope = (loss(frames.detach() + step) - loss(frames.detach() - step)) / 0.02
            assert abs(float(slope - frames.grad[row, channel])) < 2e-3


def test_gradients_of_a_constant_are_finite() -> None:
    frames = torch.ones(5, WIDTH, requires_grad=True)
    FunctionalsPool(WIDTH, NAMES)(Packed(frames, torch.tensor([4, 1]))).sum().backward()
    assert frames.grad is not None and frames.grad.isfinite().all()


def test_quantiles_are_those_of_each_channel_alone() -> None:
    parts = utterances(1)
    shares = (0.25, 0.9)
    for share, found in zip(shares, segment_quantiles(packed(parts), shares), strict=True):
        expected = np.stack([np.quantile(part, share, axis=0) for part in parts])
        np.testing.assert_allclose(found.numpy(), expected, rtol=2e-6)


@pytest.mark.parametrize("name", ["deepser", "late_fusion", "early_concat", "discriminant"])
def test_heads_have_it_with_the_statistics_of_the_setting(name: str) -> None:
    settings = HeadConfig(
        name, width=8, feedforward=8, pooling="functionals", functionals=("mean", "q75")
    )
    head = build(settings, (WIDTH, WIDTH), 3).eval()
    inputs = [packed(utterances(seed)) for seed in (0, 1)]
    assert head(inputs)[0].shape == (6, 3)
    pools = [module for module in head.modules() if isinstance(module, FunctionalsPool)]
    assert pools and all(pool.names == ("mean", "q75") for pool in pools)


@pytest.mark.parametrize("wrong", ["[means]", "[mean, mean]", "[q101]", "[]", "3"])
def test_wrong_statistics_are_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"head\.functionals"):
        load("small", ("head.pooling=functionals", f"head.functionals={wrong}"))


def test_statistics_that_nothing_reads_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"head\.functionals: only head\.pooling=functionals"):
        check_choices(load("small", ("head.functionals=[mean]",)))
    check_choices(load("small", ("head.functionals=mean", "head.pooling=functionals")))


def test_runs_of_before_stay_valid() -> None:
    record = {"head": load("small").to_dict()["head"]}
    without = {"head": {k: v for k, v in record["head"].items() if k != "functionals"}}
    assert digest_of(record) == digest_of(without)
    record["head"]["functionals"] = ["mean"]
    assert digest_of(record) != digest_of(without)
