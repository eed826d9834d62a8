"""Shares of pieces of work: each piece one time, balanced, and the same in every process."""

import itertools

import numpy as np
import pytest

from medusa.distributed.pieces import ALL, Share
from medusa.distributed.ray_workers import _gpus_of_each
from medusa.distributed.slurm import share_of_task
from medusa.errors import ConfigError


@pytest.mark.parametrize(("pieces", "count"), [(0, 3), (2, 5), (40, 1), (100, 7), (1000, 8)])
def test_every_piece_is_in_one_share(pieces: int, count: int) -> None:
    costs = np.random.default_rng(pieces).exponential(size=pieces).tolist()
    shares = [Share(number, count).choose(costs) for number in range(count)]
    assert sorted(itertools.chain(*shares)) == list(range(pieces))
    assert all(share == sorted(share) for share in shares)


def test_shares_have_nearly_the_same_cost() -> None:
    costs = np.random.default_rng(0).exponential(size=400).tolist()
    sums = [sum(costs[piece] for piece in Share(n, 8).choose(costs)) for n in range(8)]
    assert max(sums) - min(sums) < min(costs) + 0.01 * sum(costs) / 8


def test_a_division_by_hand() -> None:
    # 5 -> share 0, 4 -> 1, 3 -> 1 is dearer (4) than 0 (5): share 1; 3 -> share 0; 1 -> share 1.
    costs = [3.0, 5.0, 1.0, 4.0, 3.0]
    assert Share(0, 2).choose(costs) == [1, 4]
    assert Share(1, 2).choose(costs) == [0, 2, 3]
    assert ALL.choose(costs) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("text", ["4/4", "1", "-1/3", "a/b", "0/0", "1/2/3", ""])
def test_a_wrong_share_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected I/N"):
        Share.parse(text)


def test_the_share_of_a_task_of_slurm() -> None:
    task = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "8"}
    assert share_of_task(task) == Share(3, 8)
    assert share_of_task(task | {"SLURM_ARRAY_TASK_MIN": "1"}) == Share(2, 8)
    assert share_of_task({}) is None
    assert share_of_task({"SLURM_JOB_ID": "7"}) is None
    with pytest.raises(ConfigError, match="without gaps"):
        share_of_task(task | {"SLURM_ARRAY_TASK_ID": "9"})
    with pytest.raises(ConfigError, match="expected numbers"):
        share_of_task(task | {"SLURM_ARRAY_TASK_ID": "x"})


@pytest.mark.parametrize(
    ("gpus", "workers", "each"), [(0, 4, 0), (4, 2, 1), (4, 4, 1), (3, 4, 1 / 2), (1, 3, 1 / 3)]
)
def test_workers_share_gpus_so_that_all_of_them_start(gpus: int, workers: int, each: float) -> None:
    assert _gpus_of_each(gpus, workers) == each
