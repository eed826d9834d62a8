"""Several encoders from one pass over the audio: each store as if it had been alone."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from medusa.cache import FeatureStore
from medusa.errors import CheckpointError, MedusaError
from medusa.extract.backbones.whisper import WhisperEncoder
from medusa.extract.encoders import runner
from medusa.extract.extract_features import passes_of
from medusa.extract.passes import stream
from medusa.extract.planning import room
from medusa.extract.planning.jobs import ExtractionJob
from medusa.manifests import Manifest
from medusa.tests.command_line import call, invoke
from medusa.tests.extract import running as run
from medusa.tests.extract import running as together
from medusa.tests.extract.running import plan_jobs
from medusa.workspace import Workspace, remove

LENGTHS = (16000, 7001, 24321, 16000, 9000, 300)
NAMES = ("wavlm", "hubert", "whisper")
FILES = {"whisper": "whisper.pt"}


def jobs_of(root: Path, checkpoint: Callable[[str], Path], label: str = "") -> list[ExtractionJob]:
    place = Workspace.open(root)
    return [
        plan_jobs(
            place,
            [name],
            str(checkpoint(FILES.get(name, name))),
            dtype="float32",
            label=f"{label}{name}",
        )[0]
        for name in NAMES
    ]


def features(job: ExtractionJob, folder: Path | None = None) -> dict[str, np.ndarray]:
    store = FeatureStore.open(folder or job.store)
    contents = sorted(one.content for one in job.utterances)
    values = store.read(contents).split()
    return {content: one.numpy() for content, one in zip(contents, values, strict=True)}


def compare(root: Path, alone: dict[str, dict[str, np.ndarray]], jobs: list[ExtractionJob]) -> None:
    for name, job in zip(NAMES, jobs, strict=True):
        here = features(job)
        assert here.keys() == alone[name].keys()
        for content, values in here.items():
            np.testing.assert_allclose(values, alone[name][content], atol=2e-4)


@pytest.fixture
def alone(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> dict[str, dict[str, np.ndarray]]:
    """What each encoder gives by itself; the stores are thrown away."""
    workspace(LENGTHS)
    found = {}
    for name, job in zip(NAMES, jobs_of(tmp_path, checkpoint), strict=True):
        run.extract(job, "cpu", 60.0)
        found[name] = features(job)
        remove(job.store)
    return found


def test_stores_are_as_if_each_had_been_alone_and_files_are_read_once(
    tmp_path, alone, checkpoint, monkeypatch
):
    read = []
    real = stream.read_segment
    monkeypatch.setattr(
        stream,
        "read_segment",
        lambda segment, rate: read.append(segment.path) or real(segment, rate),
    )
    jobs = jobs_of(tmp_path, checkpoint)
    outcomes = together.extract_together(jobs, "cpu", 60.0)
    assert len(read) == len(set(read)) == 6
    assert [outcome.utterances for outcome in outcomes] == [6, 6, 6]
    compare(tmp_path, alone, jobs)
    again = together.extract_together(jobs, "cpu", 60.0)
    assert [outcome.utterances for outcome in again] == [0, 0, 0] and len(read) == 6


def test_only_what_each_store_lacks_is_encoded(tmp_path, alone, checkpoint, monkeypatch):
    jobs = jobs_of(tmp_path, checkpoint)
    few = ExtractionJob(jobs[0].backbone, jobs[0].spec, jobs[0].store, jobs[0].utterances[:4])
    run.extract(few, "cpu", 60.0)
    run.extract(jobs[2], "cpu", 60.0)
    outcomes = together.extract_together(jobs, "cpu", 60.0)
    assert [outcome.utterances for outcome in outcomes] == [2, 6, 0]
    compare(tmp_path, alone, jobs)


def test_whisper_has_its_usual_batch_beside_others(tmp_path, alone, checkpoint, monkeypatch):
    """Two of its windows; the others' batch, of so many seconds, would be one."""
    monkeypatch.setitem(runner.BATCH_SECONDS, "cpu", 3.0)
    counts, real = [], WhisperEncoder.encode

    def counted(self: WhisperEncoder, items: Any) -> Any:
        counts.append(len(items))
        return real(self, items)

    monkeypatch.setattr(WhisperEncoder, "encode", counted)
    jobs = jobs_of(tmp_path, checkpoint)
    assert jobs[2].backbone.least_s == 2.0
    together.extract_together(jobs, "cpu", None)
    assert sum(counts) == len(LENGTHS) and max(counts) == 2
    compare(tmp_path, alone, jobs)


def at_first(fails: Callable[..., None]) -> Callable[..., Any]:
    """Return a `ExtractionJob.load` that fails once, when all are loaded together."""
    real, left = ExtractionJob.load, [1]

    def load(self: ExtractionJob, device: str) -> Any:
        if left and left.pop():
            fails()
        return real(self, device)

    return load


@pytest.mark.usefixtures("shown")
def test_encoders_that_do_not_fit_together_run_one_after_the_other(
    tmp_path, alone, checkpoint, monkeypatch, capsys
):
    def full(*args):
        raise torch.OutOfMemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(ExtractionJob, "load", at_first(full))
        jobs = jobs_of(tmp_path, checkpoint)
        together.extract_together(jobs, "cpu", 60.0)
    assert "one after the other" in capsys.readouterr().err
    compare(tmp_path, alone, jobs)


def test_a_bad_file_is_named_for_every_store_and_the_others_are_done(
    tmp_path, workspace, checkpoint
):
    manifest = workspace(LENGTHS)
    bad = tmp_path / str(manifest.frame["path"][2])
    bad.write_bytes(bad.read_bytes()[:30])
    jobs = jobs_of(tmp_path, checkpoint)
    outcomes = together.extract_together(jobs, "cpu", 60.0)
    assert [outcome.utterances for outcome in outcomes] == [5, 5, 5]
    assert all(len(one.problems) == 1 and bad.name in one.problems[0] for one in outcomes)


def test_the_command_takes_several(tmp_path, workspace):
    workspace(LENGTHS)
    words = ["extract", "--backbone", "logmel,egemaps", "--json"]
    result = call(tmp_path, *words)
    rows = json.loads(result.stdout)
    assert [row["backbone"] for row in rows] == ["logmel", "egemaps"]
    assert [row["utterances"] for row in rows] == [6, 6]
    again = call(tmp_path, *words)
    assert again.output.count("nothing to do") == 2


@pytest.mark.usefixtures("shown")
def test_a_loader_that_wraps_lack_of_memory_is_understood(
    tmp_path, alone, checkpoint, monkeypatch, capsys
):
    """Whisper's says that the file is no checkpoint; the cause says why."""

    def full(*args: object) -> None:
        try:
            raise torch.OutOfMemoryError("no room")
        except RuntimeError as problem:
            raise CheckpointError("not a checkpoint") from problem

    jobs = jobs_of(tmp_path, checkpoint)
    with monkeypatch.context() as patch:
        patch.setattr(ExtractionJob, "load", at_first(full))
        together.extract_together(jobs, "cpu", 60.0)
    assert "one after the other" in capsys.readouterr().err
    compare(tmp_path, alone, jobs)
    remove(jobs[0].store)

    def broken(*args: object) -> None:
        raise CheckpointError("not a checkpoint")

    monkeypatch.setattr(ExtractionJob, "load", broken)
    with pytest.raises(CheckpointError):
        together.extract_together(jobs, "cpu", 60.0)


def test_encoders_of_one_rate_are_grouped(tmp_path, workspace, checkpoint):
    workspace(LENGTHS)
    wavlm, hubert, whisper = jobs_of(tmp_path, checkpoint)
    fast = replace(hubert, backbone=replace(hubert.backbone, rate_hz=24_000))
    text = replace(wavlm, backbone=replace(wavlm.backbone, rate_hz=None))
    groups = passes_of([wavlm, fast, text, whisper])
    assert groups == [[wavlm, whisper], [fast], [text]]


def test_room_is_asked_for_all_stores_at_once(tmp_path, workspace, checkpoint, monkeypatch):
    workspace(LENGTHS)
    jobs = jobs_of(tmp_path, checkpoint)
    needs = [room.bytes_of(job, job.utterances) for job in jobs]
    monkeypatch.setattr(room, "free_bytes", lambda folder: sum(needs) - 1)
    with pytest.raises(MedusaError, match=r"features: the features need"):
        together.extract_together(jobs, "cpu", 60.0)
    assert room.require_room(tmp_path, needs[0]) is None


def test_the_option_repeated_is_a_list_and_a_bad_file_counts_once(tmp_path, workspace):
    manifest = workspace(LENGTHS)
    words = ["extract", "--backbone=logmel", "--backbone=logmel128"]
    bad = tmp_path / str(manifest.frame["path"][2])
    bad.write_bytes(bad.read_bytes()[:30])
    result = invoke(tmp_path, *words)
    assert isinstance(result.exception, MedusaError)
    assert str(result.exception).startswith("1 utterance has no features")
    stores = [FeatureStore.open(path) for path in (tmp_path / "features").glob("*.zarr")]
    assert sorted((store.spec.backbone, len(store)) for store in stores) == [
        ("logmel", 5),
        ("logmel128", 5),
    ]
