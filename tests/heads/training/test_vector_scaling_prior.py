"""The class loss of a first step against a formula by hand, from the weights it begins with."""

import numpy as np
import pytest
import torch

from medusa.heads.config import load
from medusa.heads.fitting.fit import prepare
from medusa.heads.fitting.fitters import make_fitter
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.workspace import Workspace

WHOLE = (
    "head.width=8",
    "head.feedforward=8",
    "head.dropout=0",
    "mixup.p=0",
    "train.batch=1000",
    "stages.0.epochs=1",
    "stages.0.sampler=shuffle",
    "stages.0.class_weights=0",
    "loss.classes=vector_scaling",
    "loss.vector_gamma=0.3",
    "loss.vector_tau=1.0",
)


def test_vector_scaling_uses_the_shares_of_the_training_classes(workspace) -> None:
    job = prepare(Workspace.open(workspace), HeadSpec("a", load("small", WHOLE)))
    run = RunDir(workspace / "runs" / "a")
    run.start(job.record)
    trainer = make_fitter(job.examples, job.spec.config, run, torch.device("cpu"))
    rows = job.examples.rows("train")
    with torch.no_grad():
        logits = trainer.head(next(job.examples.read_batches([rows])))[0].double().numpy()
    soft = job.examples.soft[rows].double().numpy()
    trainer.fit()
    shares = soft.sum(0) / soft.sum()
    scaled = (shares / shares.max()) ** 0.3 * logits + np.log(shares)
    log_posteriors = scaled - np.log(np.exp(scaled).sum(1, keepdims=True))
    expected = -(soft * log_posteriors).sum(1).mean()
    assert run.metrics()[0]["class_loss"] == pytest.approx(expected, rel=1e-4)
