"""When a stage ends: dev scores are scripted, the epochs that must follow are counted by hand."""

from itertools import chain, repeat

import pytest
import torch

from medusa.heads.config.settings import load
from medusa.heads.fitting.fit import fit, prepare
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.heads.training.fitter import DevSelector
from medusa.workspace import Workspace

SMALL = ("head.width=8", "head.feedforward=8", "train.batch=40")


def epochs_run(root, monkeypatch, scores, *settings: str) -> tuple[list[str], RunDir]:
    """Train with these dev scores, then 0; return the stage of every epoch, and the run."""
    script = chain(scores, repeat(0.0))
    monkeypatch.setattr(DevSelector, "score", lambda *args: next(script))
    job = prepare(Workspace.open(root), HeadSpec("a", load("small", SMALL + settings)))
    run = RunDir(root / "runs" / "scripted")
    run.start(job.record)
    fit(job, run, torch.device("cpu"), lambda amount=1, note="": None)
    return [line["stage"] for line in run.metrics()], run


@pytest.mark.parametrize(
    ("patience", "epochs"),
    [
        (1, 2),  # 0.4 is not better than 0.5
        (2, 5),  # the best is 0.6; neither 0.6 again nor 0.2 is better
        (3, 6),  # 0.5 is the third without a better score
        (5, 8),  # the fifth would be the last epoch anyhow
        (9, 8),  # never out of patience: all that the stage has
    ],
)
def test_a_stage_ends_after_so_many_epochs_without_a_better_score(
    workspace, monkeypatch, patience, epochs
) -> None:
    scores = [0.5, 0.4, 0.6, 0.6, 0.2, 0.5, 0.3, 0.1]
    settings = (f"train.patience={patience}", "stages.0.epochs=8", "stages.1.epochs=1")
    stages, _ = epochs_run(workspace, monkeypatch, scores, *settings)
    assert stages == ["full"] * epochs + ["balanced"]


def test_every_stage_is_as_patient_as_the_first(workspace, monkeypatch) -> None:
    """The second stage is worse than the first throughout, and yet better from epoch to epoch."""
    first = [0.5, 0.9, 0.8, 0.7]  # two without a better score after the best
    second = [0.1, 0.2, 0.3, 0.4, 0.35, 0.4]  # likewise, the best of this stage being the fourth
    settings = ("train.patience=2", "stages.0.epochs=7", "stages.1.epochs=9")
    stages, run = epochs_run(workspace, monkeypatch, first + second, *settings)
    assert stages == ["full"] * 4 + ["balanced"] * 6
    summary = run.read_json("summary.json")
    assert (summary["dev_macro_f1"], summary["best_at"]) == (0.9, "full 2")  # the best of all
