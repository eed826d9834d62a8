"""The logged dev loss against scikit-learn's, from the predictions that the run has written."""

import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import log_loss

from medusa.heads.config.settings import load
from medusa.heads.fitting.fit import fit, prepare
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.manifests import Manifest
from medusa.workspace import Workspace

SHORT = ("head.width=8", "head.feedforward=8", "stages.0.epochs=2", "stages.1.epochs=1")


def test_the_dev_loss_is_the_cross_entropy_of_the_predictions(workspace) -> None:
    manifest = Manifest.read(workspace / "manifest.parquet")
    manifest.frame.loc[4, "label"] = None  # of dev: without a consensus there is no loss
    manifest.write(workspace / "manifest.parquet")
    job = prepare(Workspace.open(workspace), HeadSpec("a", load("small", SHORT)))
    run = RunDir(workspace / "runs" / "a")
    run.start(job.record)
    summary = fit(job, run, torch.device("cpu"), lambda amount=1, note="": None)
    # the predictions are of the weights of the first epoch that reached the best score
    line = next(one for one in run.metrics() if one["dev_macro_f1"] == summary["dev_macro_f1"])
    dev = manifest.frame[manifest.frame["split"] == "dev"].dropna(subset="label")
    assert len(dev) == 9
    predictions = run.predictions().select(dev["id"].tolist())
    shares = softmax(predictions.logits().astype(float), axis=1)
    expected = log_loss(dev["label"].tolist(), shares, labels=list(predictions.classes))
    assert line["dev_loss"] == pytest.approx(expected, rel=1e-5)
