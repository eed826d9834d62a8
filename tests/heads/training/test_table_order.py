"""A head that reads the padding is trained and judged in the batches of the published code."""

import numpy as np
import pytest
import torch

from medusa.heads.config import load
from medusa.heads.fitting.apply import apply
from medusa.heads.fitting.fit import fit, prepare
from medusa.heads.fitting.stored_head import StoredHead
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.heads.training.fitter import DevSelector
from medusa.manifests import Manifest
from medusa.tests.heads.conftest import make_workspace
from medusa.workspace import Workspace

SMALL = ("head.width=8", "head.feedforward=8", "train.draws=3")
STAGES = ("stages.0.epochs=2", "stages.1.epochs=1", "stages.0.lr=0.01", "stages.1.lr=0.01")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Return a job of the published head on 150 utterances, and its finished run."""
    root = make_workspace(tmp_path_factory.mktemp("table"), count=150)
    config = load("medusa-published", SMALL + STAGES)
    job = prepare(Workspace.open(root), HeadSpec("a", config))
    run = RunDir(root / "runs" / "a")
    run.start(job.record)
    fit(job, run, CPU, lambda amount=1, note="": None)
    return job, run


def in_batches(job, run, rows, size):
    """Return the logits of rows (B,), computed batch by batch in their order."""
    head = StoredHead.read(run).build(job.examples.widths, [1, 1], CPU).eval()
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    with torch.no_grad():
        feed = job.examples.read_batches(parts, False)
        moved = ([x.to(CPU, torch.float32) for x in one] for one in feed)
        return np.concatenate([head(one)[0].numpy() for one in moved])


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_predictions_are_made_16_at_a_time_in_the_order_of_the_table(fitted, split):
    job, run = fitted
    rows = np.flatnonzero(job.examples.splits == split)
    assert len(rows) > 16
    found = run.predictions().select([job.examples.ids[row] for row in rows]).logits()
    np.testing.assert_allclose(found, in_batches(job, run, rows, 16), rtol=0, atol=1e-6)
    others = np.abs(found - in_batches(job, run, rows, 64)).max()
    assert others > 1e-4, "another batch gives other logits, so the order matters"


def test_the_epoch_is_selected_in_the_same_batches(fitted):
    """The score in the log is that of dev rows with a consensus, 16 at a time, none drawn."""
    job, run = fitted
    selector = DevSelector(job.examples, job.spec.config.train)
    assert selector.natural
    score = selector.score(in_batches(job, run, selector.rows, 16))
    assert max(line["dev_macro_f1"] for line in run.metrics()) == pytest.approx(score, abs=1e-12)


def test_a_head_that_is_applied_has_the_same_batches(fitted):
    _, run = fitted
    workspace = Workspace.open(run.path.parents[1])
    again = apply(run, Manifest.read(workspace.manifest), workspace)
    assert again.ids == run.predictions().ids
    np.testing.assert_allclose(again.logits(), run.predictions().logits(), rtol=0, atol=1e-6)
