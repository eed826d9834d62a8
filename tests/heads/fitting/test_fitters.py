"""The total of a progress line, against the calls of `advance` counted in a fit."""

import pytest
import torch

from medusa.heads.config import load
from medusa.heads.fitting.fit import fit, prepare
from medusa.heads.fitting.fitters import progress_of
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.workspace import Workspace

PATIENT = ("head.width=8", "head.feedforward=8", "train.patience=100")
STAGES = ("stages.0.epochs=2", "stages.1.epochs=3")


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (STAGES, 5),
        ((*STAGES, "train.folds=2"), 15),
        (("head.name=discriminant", "head.pooling=mean", *STAGES), 8),  # a call for each shrinkage
        (("head.name=discriminant", "head.pooling=mean", "train.folds=2"), 24),
    ],
)
def test_the_total_is_the_number_of_calls(workspace, overrides, expected):
    job = prepare(Workspace.open(workspace), HeadSpec("a", load("small", (*PATIENT, *overrides))))
    run = RunDir(workspace / "runs" / "a")
    run.start(job.record)
    amounts = []

    def advance(amount=1, note=""):
        amounts.append(amount)

    fit(job, run, torch.device("cpu"), advance)
    assert sum(amounts) == len(amounts) == progress_of(job.spec.config)[0] == expected
