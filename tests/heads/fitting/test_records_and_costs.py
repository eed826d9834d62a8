"""What a head's record and summary count: texts of a table alone, and the seconds of all folds."""

import torch

from medusa.heads.config import load
from medusa.heads.fitting.fit import fit, prepare
from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.heads.spec import HeadSpec
from medusa.heads.training import meter
from medusa.heads.training.train_rows import Targets
from medusa.workspace import Workspace

SHORT = ("head.width=8", "head.feedforward=8", "stages.0.epochs=1", "stages.1.epochs=1")


def test_texts_of_the_manifest_are_no_table_to_be_digested(workspace) -> None:
    job = prepare(Workspace.open(workspace), HeadSpec("a", load("small", SHORT), ("toy-text",)))
    assert job.record["text"] == "manifest"
    assert "texts" not in job.record


def test_the_seconds_of_the_folds_are_in_the_summary(workspace) -> None:
    job = prepare(
        Workspace.open(workspace), HeadSpec("a", load("small", (*SHORT, "train.folds=2")))
    )
    run = RunDir(workspace / "runs" / "a")
    run.start(job.record)
    summary = fit(job, run, torch.device("cpu"), lambda amount=1, note="": None)
    folds = [RunDir(run.path / f"fold-{number}").read_json(SUMMARY) for number in range(2)]
    assert all(fold["seconds"] > 0 for fold in folds)
    assert summary["seconds"] > sum(fold["seconds"] for fold in folds)


def test_with_a_known_peak_the_share_of_it_is_logged(workspace, monkeypatch) -> None:
    seen = []

    def train_flop(head, lengths, widths):
        seen.append(len(lengths))
        return 5.0 * len(lengths)

    monkeypatch.setattr(meter, "peak", lambda device: 1e3)
    monkeypatch.setattr(meter, "train_flop", train_flop)
    job = prepare(Workspace.open(workspace), HeadSpec("a", load("small", SHORT)))
    rows = job.examples.rows("train")
    measured = meter.Meter(None, job.examples, rows, torch.device("cpu"))
    assert seen == [16] and len(rows) > 16
    assert measured.flop == 5.0
    measured.begin_epoch()
    monkeypatch.setattr(meter.time, "monotonic", lambda: measured.clock + 4.0)
    line = measured.epoch(1000)
    assert line["utterances_per_s"] == 250.0
    assert line["mfu"] == 1000 * 5.0 / 4.0 / 1e3
    monkeypatch.setattr(meter, "train_flop", lambda *args: None)
    unknown = meter.Meter(None, job.examples, rows, torch.device("cpu"))
    assert unknown.flop is None and unknown.epoch(10)["mfu"] is None


def test_targets_count_their_utterances() -> None:
    rows = torch.zeros(5, 3)
    assert len(Targets(rows, rows, rows, rows)) == 5


def test_heads_outside_folds_say_minus_one(workspace) -> None:
    job = prepare(Workspace.open(workspace), HeadSpec("a", load("small", SHORT)))
    run = RunDir(workspace / "runs" / "b")
    run.start(job.record)
    fit(job, run, torch.device("cpu"), lambda amount=1, note="": None)
    assert set(run.predictions().frame["fold"]) == {-1}


def test_every_epoch_has_its_own_seconds(workspace, monkeypatch) -> None:
    job = prepare(Workspace.open(workspace), HeadSpec("a", load("small", SHORT)))
    measured = meter.Meter(None, job.examples, job.examples.rows("train"), torch.device("cpu"))
    now = measured.clock
    monkeypatch.setattr(meter.time, "monotonic", lambda: now)
    for seconds in (5.0, 2.0):
        measured.begin_epoch()
        now += seconds
        assert measured.epoch(10)["seconds"] == seconds
    assert measured.counted()["all"] == 7.0


def test_a_discriminant_takes_no_steps(workspace) -> None:
    job = prepare(
        Workspace.open(workspace), HeadSpec("a", load("small", ("head.name=discriminant",)))
    )
    run = RunDir(workspace / "runs" / "lda")
    run.start(job.record)
    summary = fit(job, run, torch.device("cpu"), lambda amount=1, note="": None)
    assert summary["steps"] == 0
