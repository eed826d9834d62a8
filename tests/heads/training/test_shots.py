"""Few-shot training: N rows of every class, drawn by the seed, and nothing else is learned from."""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from medusa.errors import DataError
from medusa.heads.config import load
from medusa.heads.examples.shots import draw_shots
from medusa.heads.fitting.fit import fit, prepare
from medusa.heads.runs.config_digest import digest_of
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.manifests import Manifest
from medusa.randomness import random_stream
from medusa.workspace import Workspace

FAST = ("head.name=probe", "train.draws=2", "stages.0.epochs=2", "stages.1.epochs=1")
SHOTS = ("train.shots=3", "head.standardise=true", "train.labels=hard")


def job(root, *settings):
    return prepare(Workspace.open(root), HeadSpec("a", load("small", FAST + settings)))


def fitted(root, name, *settings):
    one, run = job(root, *settings), RunDir(root / "runs" / name)
    run.start(one.record)
    fit(one, run, torch.device("cpu"), lambda amount=1, note="": None)
    return run


def test_three_rows_of_every_class_are_drawn_from_train(workspace):
    examples = job(workspace, *SHOTS).examples
    rows = examples.rows("train")
    assert np.bincount(examples.labels[rows]).tolist() == [3, 3, 3]
    assert set(examples.splits[rows]) == {"train"}
    assert len(examples.rows("dev")) == (examples.splits == "dev").sum()
    again, other = job(workspace, *SHOTS), job(workspace, *SHOTS, "seed=1000")
    assert rows.tolist() == again.examples.rows("train").tolist()
    assert rows.tolist() != other.examples.rows("train").tolist()


def test_the_draw_is_that_of_numpy(workspace):
    examples, rng, expected = job(workspace).examples, random_stream(4, "shots"), []
    for number in range(3):
        own = [
            r for r in range(60) if examples.splits[r] == "train" and examples.labels[r] == number
        ]
        expected += rng.choice(own, 5, replace=False).tolist()
    assert draw_shots(examples, 5, 4).tolist() == sorted(expected)


def test_a_class_with_fewer_rows_is_named(workspace):
    with pytest.raises(DataError, match=r"expected 30 training rows of every class, but 'angry'"):
        job(workspace, "train.shots=30")


def test_nothing_but_the_drawn_rows_is_learned_from(workspace):
    """A corpus without the other training rows gives the same weights, scales included."""
    run = fitted(workspace, "one", *SHOTS)
    drawn = set(job(workspace, *SHOTS).examples.rows("train").tolist())
    manifest = Manifest.read(workspace / "manifest.parquet")
    frame = manifest.frame
    rest = [r for r in range(60) if frame["split"][r] == "train" and r not in drawn]
    frame = frame[~frame["id"].isin([f"u{r}" for r in rest])].reset_index(drop=True)
    weights = load_file(run.path / "weights.safetensors")
    Manifest(frame, manifest.scheme).write(workspace / "manifest.parquet")
    same = load_file(fitted(workspace, "two", *SHOTS).path / "weights.safetensors")
    assert all(torch.equal(weights[key], same[key]) for key in weights)
    assert len(run.predictions().ids) == 60  # All rows are predicted all the same.


def test_runs_from_before_the_setting_stay_valid():
    config = load("small").to_dict()
    before = dataclasses.asdict(load("small"))
    del before["train"]["shots"], before["mixup"]["within"], before["head"]["heads_by_modality"]
    assert digest_of(config) == digest_of(before)
    assert digest_of(load("small", ("train.shots=3",)).to_dict()) != digest_of(config)
