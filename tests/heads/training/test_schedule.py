"""Rates by hand, clipping and selection as they show in a training."""

import math

import pytest
import torch

from medusa.errors import ConfigError
from medusa.heads.config import StageConfig, load
from medusa.heads.fitting.fit import fit, prepare
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.heads.training.step import clip, rate
from medusa.scoring.metrics import macro_f1
from medusa.workspace import Workspace

FAST = ("head.width=8", "head.feedforward=8", "stages.0.epochs=3", "stages.1.epochs=1")


def trained(root, name: str, *overrides: str) -> RunDir:
    job = prepare(Workspace.open(root), HeadSpec("a", load("small", FAST + overrides)))
    run = RunDir(root / "runs" / name)
    run.start(job.record)
    fit(job, run, torch.device("cpu"), lambda amount=1, note="": None)
    return run


def test_rates_by_hand() -> None:
    stage = StageConfig(lr=2.0, schedule="cosine", floor=0.1, warmup=0.2)
    assert rate(stage, 0.0) == 0
    assert rate(stage, 0.1) == pytest.approx(1.0)
    assert rate(stage, 0.2) == pytest.approx(2.0)
    assert rate(stage, 0.6) == pytest.approx(2.0 * (0.1 + 0.9 * 0.5))
    assert rate(stage, 0.8) == pytest.approx(2 * (0.1 + 0.9 * (1 + math.cos(0.75 * math.pi)) / 2))
    assert rate(stage, 1.0) == pytest.approx(0.2)
    assert rate(StageConfig(lr=2.0), 0.7) == 2.0


def test_the_rate_of_each_epoch_is_logged(workspace) -> None:
    run = trained(workspace, "a", "stages.0.schedule=cosine", "stages.0.lr=0.01")
    first = [line["lr"] for line in run.metrics() if line["stage"] == "full"]
    assert len(first) == 3
    assert 0.01 > first[0] > first[1] > first[2] > 0
    assert all(math.isfinite(line["gradient_norm"]) for line in run.metrics())


def test_clipping_scales_the_whole_gradient_to_its_limit() -> None:
    """A gradient of (3, 4) has norm 5; with a limit of 1 it becomes (0.6, 0.8)."""
    head = torch.nn.Linear(2, 1, bias=False)
    head.weight.grad = torch.tensor([[3.0, 4.0]])
    assert clip(head, None).item() == pytest.approx(5)
    torch.testing.assert_close(head.weight.grad, torch.tensor([[3.0, 4.0]]))
    assert clip(head, 1.0).item() == pytest.approx(5)
    torch.testing.assert_close(head.weight.grad, torch.tensor([[0.6, 0.8]]))
    assert clip(head, 2.0).item() == pytest.approx(1)  # within its limit: left alone
    torch.testing.assert_close(head.weight.grad, torch.tensor([[0.6, 0.8]]))


def test_natural_selection_scores_the_whole_dev_split(workspace) -> None:
    run = trained(workspace, "n", "train.selection=natural")
    predictions = run.predictions()
    job = prepare(Workspace.open(workspace), HeadSpec("a", load("small", FAST)))
    rows = job.examples.rows("dev")
    rows = rows[job.examples.labels[rows] >= 0]
    said = predictions.logits()[rows].argmax(1)
    expected = macro_f1(job.examples.labels[rows], said, 3)
    assert run.read_json("summary.json")["dev_macro_f1"] == pytest.approx(expected)


def test_wrong_choices_are_named() -> None:
    with pytest.raises(ConfigError, match=r"stages\.0\.clip: expected more than 0"):
        load("small", ("stages.0.clip=0",))
