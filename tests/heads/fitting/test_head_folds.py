"""Out-of-fold predictions: by heads that never saw the speaker, resumed fold by fold."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from medusa.errors import DataError, ManifestError
from medusa.heads.config import load
from medusa.heads.fitting import fitters
from medusa.heads.fitting.fit import fit, prepare
from medusa.heads.fitting.folds import folds_of, without
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.heads.training.loop import Trainer
from medusa.manifests import Manifest
from medusa.workspace import Workspace

CPU = torch.device("cpu")
FAST = ("head.width=8", "head.feedforward=8", "stages.0.epochs=1", "stages.1.epochs=1")


def trained(root, name: str, *overrides: str) -> RunDir:
    job = prepare(Workspace.open(root), HeadSpec("a", load("small", FAST + overrides)))
    run = RunDir(root / "runs" / name)
    run.start(job.record)
    fit(job, run, CPU, lambda amount=1, note="": None)
    return run


def test_speakers_are_whole_and_every_training_row_has_a_fold(workspace):
    manifest = Manifest.read(workspace / "manifest.parquet")
    ids = manifest.frame["id"].tolist()[::-1]
    folds = folds_of(manifest, ids, 2)
    of = dict(zip(ids, folds, strict=True))
    frame = manifest.frame.assign(fold=manifest.frame["id"].map(of))
    train = frame[frame["split"] == "train"]
    assert set(train["fold"]) == {0, 1} and set(frame["fold"][frame["split"] != "train"]) == {-1}
    assert (train.groupby("speaker")["fold"].nunique() == 1).all()
    assert set(folds_of(manifest, ids, 0)) == {-1}
    with pytest.raises(ManifestError, match="cannot fill 9 folds"):
        folds_of(manifest, ids, 9)


def test_the_training_split_is_predicted_by_heads_that_did_not_see_it(workspace):
    run = trained(workspace, "a", "train.folds=2")
    frame = run.predictions().frame.set_index("id")
    plain = trained(workspace, "b").predictions().frame.set_index("id").loc[frame.index]
    inside = frame["split"] == "train"
    assert set(frame["fold"][inside]) == {0, 1} and set(frame["fold"][~inside]) == {-1}
    assert len(frame) == 60
    logits = [name for name in frame if name.startswith("logit_")]
    same = frame[logits][~inside], plain[logits][~inside]  # the whole head is as ever
    np.testing.assert_allclose(*same, atol=1e-6)
    assert not np.allclose(frame[logits][inside], plain[logits][inside])
    # by hand: a head trained on a manifest whose other speakers alone are in train
    held = frame.index[frame["fold"] == 1]
    manifest = Manifest.read(workspace / "manifest.parquet")
    manifest.frame.loc[manifest.frame["id"].isin(held), "split"] = "test"
    manifest.write(workspace / "manifest.parquet")
    other = trained(workspace, "c").predictions().frame.set_index("id").loc[held]
    np.testing.assert_allclose(frame.loc[held, logits], other[logits], atol=1e-6)


def test_finished_folds_are_not_trained_again(workspace, monkeypatch):
    straight = trained(workspace, "straight", "train.folds=2")
    real, seen = fitters.make_fitter, []

    def dies(examples, config, run, *more):
        seen.append(run.name)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return real(examples, config, run, *more)

    monkeypatch.setattr("medusa.heads.fitting.fit.make_fitter", dies)
    with pytest.raises(KeyboardInterrupt):
        trained(workspace, "a", "train.folds=2")
    resumed = trained(workspace, "a", "train.folds=2")
    assert seen == ["fold-0", "fold-1", "fold-1", "a"]
    assert resumed.predictions().frame.equals(straight.predictions().frame)


@pytest.mark.parametrize("moment", ["finish", "write_json"])
def test_killed_while_finishing(workspace, monkeypatch, moment):
    straight = trained(workspace, "straight")
    real = getattr(RunDir, moment)

    def dies(self, *args, **settings):
        if moment == "finish" or args[0] == "summary.json":
            raise KeyboardInterrupt
        real(self, *args, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(RunDir, moment, dies)
        with pytest.raises(KeyboardInterrupt):
            trained(workspace, "a")
    steps = []
    monkeypatch.setattr(Trainer, "_step_within_memory", lambda *args: steps.append(1))
    resumed = trained(workspace, "a")
    assert resumed.finished and not steps
    one, two = (load_file(run.path / "weights.safetensors") for run in (straight, resumed))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not (resumed.path / "checkpoint.safetensors").exists()


def test_a_fold_that_takes_a_class_away_is_refused(workspace):
    job = prepare(Workspace.open(workspace), HeadSpec("a", load("small", FAST)))
    held = job.examples.rows("train")[job.examples.labels[job.examples.rows("train")] == 0]
    job.examples.soft[:, 0] = torch.tensor(job.examples.labels == 0).float()
    with pytest.raises(DataError, match="is angry; use fewer folds"):
        without(job.examples, held)
