"""Several batches at once give what one after the other does."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from signal import SIGINT
from subprocess import PIPE, Popen

import pytest
import torch

from medusa.cache import FeatureStore
from medusa.extract.passes import plan
from medusa.extract.passes.feature_worker import FeatureWorker
from medusa.extract.passes.plan import (
    concurrent_batches,
    plan_concurrent_batches,
    split_threads,
)
from medusa.extract.planning.jobs import ExtractionJob
from medusa.manifests import Manifest
from medusa.tests.extract import running as run
from medusa.tests.extract.running import extract_together, plan_jobs
from medusa.workspace import Workspace, remove

LENGTHS = tuple(range(3000, 25000, 800))
NAMES = ["wavlm", "hubert", "whisper.pt", "roberta", "modernbert"]


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def job_of(root: Path, path: Path, label: str | None = None) -> ExtractionJob:
    name, place = "whisper" if path.suffix == ".pt" else "auto", Workspace.open(root)
    return plan_jobs(place, [name], str(path), dtype="float32", text="manifest", label=label)[0]


def values_of(job: ExtractionJob) -> dict[str, torch.Tensor]:
    store = FeatureStore.open(job.store)
    contents = sorted(one.content for one in job.utterances if one.content in store)
    return dict(zip(contents, store.read(contents).split(), strict=True))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("two_threads")
def test_every_encoder_gives_the_same(
    name: str,
    tmp_path: Path,
    workspace: Callable[..., Manifest],
    checkpoint: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest = workspace(LENGTHS)
    manifest.frame["text"] = [f"number {length} of them " * (length // 4000) for length in LENGTHS]
    manifest.write(tmp_path / "manifest.parquet")
    job = job_of(tmp_path, checkpoint(name))
    batch_seconds = 2.0  # of many small batches
    with monkeypatch.context() as patch:
        patch.setattr(plan, "concurrent_batches", lambda *args: 1)
        run.extract(job, "cpu", batch_seconds)
    alone = values_of(job)
    remove(job.store)
    outcome = run.extract(job, "cpu", batch_seconds)
    assert outcome.timer.concurrent == 2 and not outcome.problems
    assert 0 < outcome.timer.seconds <= outcome.elapsed_s
    assert torch.get_num_threads() == 2
    found = values_of(job)
    assert found.keys() == alone.keys()
    for content, values in found.items():
        torch.testing.assert_close(values, alone[content], rtol=0, atol=1e-5)


@pytest.mark.usefixtures("two_threads")
def test_several_encoders_in_one_pass_give_the_same(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> None:
    manifest = workspace(LENGTHS)
    (tmp_path / str(manifest.frame["path"][3])).write_bytes(b"no sound")
    jobs = [job_of(tmp_path, checkpoint(name), name) for name in ("wavlm", "hubert")]
    alone = []
    for job in jobs:
        run.extract(job, "cpu", 2.0)
        alone.append(values_of(job))
        remove(job.store)
    outcomes = extract_together(jobs, "cpu", 2.0)
    for job, outcome, expected in zip(jobs, outcomes, alone, strict=True):
        assert outcome.timer.concurrent == 2 and len(outcome.problems) == 1
        assert 0 < outcome.timer.seconds <= outcome.elapsed_s
        found = values_of(job)
        assert found.keys() == expected.keys() and len(found) == len(LENGTHS) - 1
        for content, values in found.items():
            torch.testing.assert_close(values, expected[content], rtol=0, atol=1e-5)


@pytest.mark.usefixtures("two_threads")
def test_a_broken_file_and_a_broken_model(
    tmp_path: Path,
    workspace: Callable[..., Manifest],
    checkpoint: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest = workspace(LENGTHS)
    (tmp_path / str(manifest.frame["path"][3])).write_bytes(b"no sound")
    job = job_of(tmp_path, checkpoint("wavlm"))
    outcome = run.extract(job, "cpu", 2.0)
    assert outcome.timer.concurrent == 2
    assert outcome.utterances == len(LENGTHS) - 1 and len(outcome.problems) == 1
    remove(job.store)

    def breaks(*args: object) -> None:
        raise RuntimeError("broken kernel")

    monkeypatch.setattr("medusa.extract.backbones.ssl.SpeechEncoder.encode", breaks)
    with pytest.raises(RuntimeError, match="broken kernel"):
        run.extract(job, "cpu", 2.0)
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_when_one_at_a_time(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> None:
    workspace(LENGTHS[:2])
    job = job_of(tmp_path, checkpoint("wavlm"))
    assert concurrent_batches(job, "cpu", 4) == 2 and concurrent_batches(job, "cpu", 100) == 2
    assert concurrent_batches(job, "cpu", 3) == 1 and concurrent_batches(job, "cuda", 100) == 1
    assert concurrent_batches(replace(job, compiled=True), "cpu", 100) == 1
    (signal,) = plan_jobs(Workspace.open(tmp_path), ["logmel"])
    assert concurrent_batches(signal, "cpu", 100) == 0
    both = [FeatureWorker(one, "cpu") for one in (job, signal)]
    utterances = job.utterances[:1] * 100  # 19 s in all
    assert concurrent_batches(job, "cpu", 5) == 2
    plan, several = plan_concurrent_batches(both[:1], "cpu", utterances, 4.0, 0.0)
    assert several == 2 and len(plan) == 17 and sum(map(len, plan)) == 100
    assert len(plan_concurrent_batches(both[:1], "cpu", utterances, 0.5, 0.0)[0]) == 50
    assert plan_concurrent_batches(both, "cpu", utterances, 4.0, 0.0)[1] == 2
    assert plan_concurrent_batches(both[1:], "cpu", utterances, 4.0, 0.0)[1] == 1
    with split_threads(2) as begin:
        begin()
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


SLOW = """
import faulthandler, os, signal, sys, time, torch
faulthandler.dump_traceback_later(45, exit=True)  # says where it waits, should it
from medusa import cli
from medusa.extract.backbones import ssl

def encode(self, items):
    os.write(1, b"encoding\\n")  # a whole line, whoever else writes one
    time.sleep(600)

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
torch.set_num_threads(2)
ssl.SpeechEncoder.encode = encode
sys.argv[0] = "medusa"
cli.main()
"""


def test_ctrl_c_waits_for_no_batch(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> None:
    workspace(LENGTHS)
    words = [
        "--workspace",
        str(tmp_path),
        "extract",
        "--backbone",
        "auto",
        "--set",
        "batch_seconds=2",
    ]
    words += ["--checkpoint", str(checkpoint("wavlm"))]
    offline = os.environ | {"HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", SLOW, *words]
    with Popen(command, stdout=PIPE, stderr=PIPE, text=True, env=offline) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["encoding\n"] * 2
        time.sleep(0.5)  # the command waits for a batch, too
        process.send_signal(SIGINT)
        said = process.communicate(timeout=60)[1]  # of 600
    assert process.returncode == 130
    assert said.splitlines()[-1] == "medusa: stopped; run the same command again to continue"
