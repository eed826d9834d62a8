"""Two processes fill a store as one does, and a killed one is continued."""

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from medusa.cache import FeatureStore
from medusa.errors import MedusaError
from medusa.extract.encoders.runner import ComputeTimer
from medusa.extract.passes.processes import fill_in_processes
from medusa.extract.planning.jobs import ExtractionJob
from medusa.manifests import Manifest
from medusa.tests.command_line import call
from medusa.tests.extract import running as run
from medusa.tests.extract.running import assert_refused, plan_jobs
from medusa.workspace import Workspace, remove

LENGTHS = (16000, 7001, 24321, 16000, 9000, 300, 12000, 8000)
NAMES = ("logmel", "logmel128")
TWO = ("cpu", "cpu")


def jobs_of(root: Path) -> list[ExtractionJob]:
    return plan_jobs(Workspace.open(root), NAMES, dtype="float32")


def values_of(job: ExtractionJob) -> dict[str, torch.Tensor]:
    store = FeatureStore.open(job.store)
    contents = sorted(one.content for one in job.utterances if one.content in store)
    return dict(zip(contents, store.read(contents).split(), strict=True))


def same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for content, values in found.items():
        torch.testing.assert_close(values, expected[content], rtol=0, atol=1e-5)


@pytest.fixture
def alone(tmp_path: Path, workspace: Callable[..., Manifest]) -> list[dict[str, torch.Tensor]]:
    """What one process gives; the stores are thrown away."""
    workspace(LENGTHS)
    found = []
    for job in jobs_of(tmp_path):
        run.extract(job, "cpu", 40.0)
        found.append(values_of(job))
        remove(job.store)
    return found


def test_two_processes_give_the_store_of_one(
    tmp_path: Path, alone: list[dict[str, torch.Tensor]]
) -> None:
    """Of two encoders in one pass; what is there already is left as it is."""
    jobs = jobs_of(tmp_path)
    few = replace(jobs[0], utterances=jobs[0].utterances[:3])
    run.extract(few, "cpu", 40.0)
    words = ["extract", "--set=dtype=float32", "--json"]
    words += [f"--backbone={','.join(NAMES)}", f"--device={','.join(TWO)}"]
    result = call(tmp_path, *words)
    rows = json.loads(result.stdout)
    assert [row["utterances"] for row in rows] == [len(LENGTHS) - 3, len(LENGTHS)]
    assert all(0 < row["busy_share"] <= 1 for row in rows)
    for job, expected in zip(jobs, alone, strict=True):
        same(values_of(job), expected)
    again = call(tmp_path, *words)
    assert again.stderr.count("nothing to do") == 2


def test_a_bad_file_is_named_and_the_others_are_done(
    tmp_path: Path, workspace: Callable[..., Manifest]
) -> None:
    workspace(LENGTHS)
    (tmp_path / "wav/u4.wav").write_bytes(b"no sound")
    (outcome,) = fill_in_processes(jobs_of(tmp_path)[:1], TWO, 40.0)
    assert outcome.utterances == len(LENGTHS) - 1
    assert len(outcome.problems) == 1 and "u4.wav" in outcome.problems[0]


def test_a_killed_process_is_said_and_continued(
    tmp_path: Path, alone: list[dict[str, torch.Tensor]]
) -> None:
    before = {one.pid for one in multiprocessing.active_children()}

    def kill_one() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            new = [one for one in multiprocessing.active_children() if one.pid not in before]
            if new and new[0].pid:
                os.kill(new[0].pid, signal.SIGKILL)
                return
            time.sleep(0.01)

    killer = threading.Thread(target=kill_one)
    killer.start()
    jobs = jobs_of(tmp_path)
    with pytest.raises(MedusaError, match=r"a process was killed.*run the same command again"):
        fill_in_processes(jobs, TWO, 40.0)
    killer.join()
    fill_in_processes(jobs, TWO, 40.0)
    for job, expected in zip(jobs, alone, strict=True):
        same(values_of(job), expected)


def test_what_several_did_is_added() -> None:
    parts = []
    for number in (1, 2):
        busy = ComputeTimer(known_s=2.0 * number)
        parts.append(run.Outcome(number, 10.0, 100, 4.0 + number, busy, [f"u{number}"]))
    found = run.Outcome.of_processes(parts)
    assert (found.utterances, found.seconds, found.frames, found.elapsed_s) == (3, 20.0, 200, 6.0)
    assert (found.timer.seconds, found.problems) == (3.0, ["u1", "u2"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--device=,"], "expected the name of a device"),
        (["--device=cpu,cpu", "--transcribe"], "--transcribe runs on one device"),
        (["--set=compile=true", "--transcribe"], "compile: it excludes --transcribe"),
        (["--device=cpu,cudda"], "did you mean 'cuda'"),
    ],
)
def test_devices_that_do_not_go(
    tmp_path: Path, workspace: Callable[..., Manifest], words: list[str], message: str
) -> None:
    workspace((8000,))
    assert_refused(tmp_path, words, MedusaError, message)
