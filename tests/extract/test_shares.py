"""Shares of an extraction give the store of one process, bit for bit, and interrupted ones too."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from medusa.cache import FeatureStore
from medusa.cache.verify import verify
from medusa.distributed.pieces import Share
from medusa.errors import ConfigError
from medusa.extract.passes.feature_worker import FeatureWorker
from medusa.extract.passes.plan import plan_batches, shared_plan
from medusa.extract.passes.processes import fill_in_processes
from medusa.extract.passes.run_pass import fill_stores
from medusa.extract.planning.jobs import ExtractionJob
from medusa.manifests import Manifest
from medusa.tests.command_line import call
from medusa.tests.extract.running import assert_refused, plan_jobs
from medusa.workspace import Workspace, remove

LENGTHS = tuple(np.random.default_rng(0).integers(4000, 40000, 20).tolist())
BATCH_S = 4.0  # two or three clips in a batch


@pytest.fixture(autouse=True, params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    """All processes of a test have as many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def job_of(root: Path, checkpoint: Callable[[str], Path], name: str = "wavlm") -> ExtractionJob:
    file = None if name == "logmel" else str(checkpoint(name))
    (job,) = plan_jobs(Workspace.open(root), [name], file, dtype="float32")
    return job


def frames(job: ExtractionJob) -> dict[str, bytes]:
    store = FeatureStore.open(job.store)
    return {one: store.read([one]).values.numpy().tobytes() for one in store.index.rows}


@pytest.fixture
def alone(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> tuple[ExtractionJob, dict[str, bytes]]:
    """Return a job, and the features of one process; its store is removed."""
    workspace(LENGTHS)
    job = job_of(tmp_path, checkpoint)
    fill_stores([job], "cpu", BATCH_S)
    expected = frames(job)
    remove(job.store)
    return job, expected


def test_shares_together_are_the_store_of_one_process(
    alone: tuple[ExtractionJob, dict[str, bytes]],
) -> None:
    job, expected = alone
    parts = []
    for number in (2, 0, 1):
        (outcome,) = fill_stores([job], "cpu", BATCH_S, pieces=Share(number, 3))
        parts.append(outcome.utterances)
    assert sum(parts) == len(expected) == len(LENGTHS) and min(parts) > 2
    assert frames(job) == expected
    assert verify(job.store) == []
    (again,) = fill_stores([job], "cpu", BATCH_S, pieces=Share(0, 3))
    assert again.utterances == 0 and not again.elapsed_s


@pytest.mark.parametrize("threads", [1], indirect=True)
def test_processes_give_the_same_features(alone: tuple[ExtractionJob, dict[str, bytes]]) -> None:
    job, expected = alone
    fill_in_processes([job], ("cpu", "cpu"), BATCH_S)
    found = frames(job)
    assert found.keys() == expected.keys()
    for content, data in found.items():
        mine, theirs = (np.frombuffer(one, np.float32) for one in (data, expected[content]))
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_a_share_that_was_interrupted_encodes_whole_batches_again(
    alone: tuple[ExtractionJob, dict[str, bytes]],
) -> None:
    """The batch of a missing utterance is that of one process, though the others are stored."""
    job, expected = alone
    few = replace(job, utterances=job.utterances[::3])  # other batches
    fill_stores([few], "cpu", BATCH_S, pieces=Share(0, 2))
    before = frames(job)
    assert 0 < len(before) < len(few.utterances)
    counts = [fill_stores([job], "cpu", BATCH_S, pieces=Share(n, 2))[0].utterances for n in (0, 1)]
    assert sum(counts) == len(LENGTHS) - len(before)
    found = frames(job)
    assert {one: data for one, data in found.items() if one in before} == before
    assert {one for one in found if found[one] != expected[one]} <= set(before)


def test_shares_are_balanced_by_duration_and_leave_no_utterance_out(
    alone: tuple[ExtractionJob, dict[str, bytes]],
) -> None:
    job, _ = alone
    plans = [shared_plan([FeatureWorker(job, "cpu")], Share(n, 3), BATCH_S) for n in range(3)]
    ids = [one.id for plan in plans for batch in plan.batches for one in batch]
    assert sorted(ids) == sorted(one.id for one in job.utterances)
    whole = list(plan_batches(job.utterances, BATCH_S))
    assert {plan.total for plan in plans} == {len(whole)}
    if torch.get_num_threads() == 1:  # With more threads, a small corpus is cut further.
        assert sum(len(plan.batches) for plan in plans) == len(whole)
    seconds = [sum(one.seconds for one in itertools.chain(*plan.batches)) for plan in plans]
    assert max(seconds) - min(seconds) <= BATCH_S


def test_the_command_takes_its_share_from_slurm(
    tmp_path: Path, workspace: Callable[..., Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace(LENGTHS)
    words = ("extract", "--backbone=logmel", f"--set=batch_seconds={BATCH_S}")
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "0")
    assert "Slurm array: share 0/2" in call(tmp_path, *words).stderr
    (store,) = (tmp_path / "features").iterdir()
    first = len(FeatureStore.open(store))
    assert 0 < first < len(LENGTHS)
    assert "share 0/2 is complete" in call(tmp_path, *words).stderr
    call(tmp_path, *words, "--shard=1/2")
    assert len(FeatureStore.open(store)) == len(LENGTHS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--shard=2/2"], "expected I/N"),
        (["--shard=0/2", "--force"], "features of other shares"),
        (["--shard=0/2", "--transcribe"], "excludes --shard"),
        (["--shard=0/2", "--device=cpu,cpu"], "a share runs on one device"),
    ],
)
def test_options_that_exclude_a_share(
    tmp_path: Path, workspace: Callable[..., Manifest], words: list[str], message: str
) -> None:
    workspace((8000,))
    assert_refused(tmp_path, words, ConfigError, message)
