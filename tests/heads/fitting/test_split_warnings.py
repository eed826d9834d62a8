"""Divisions of a corpus that make training or selection meaningless, or scores too good."""

import pytest

from medusa.errors import DataError
from medusa.heads.config import load
from medusa.heads.fitting.fit import prepare
from medusa.heads.spec import HeadSpec
from medusa.manifests import Manifest
from medusa.workspace import Workspace

SOFT = ["p_angry", "p_happy", "p_sad"]


def changed(workspace, change):
    """Let `change` alter the manifest's frame; return what `prepare` makes of the workspace."""
    path = workspace / "manifest.parquet"
    manifest = Manifest.read(path)
    change(manifest.frame)
    Manifest(manifest.frame, manifest.scheme).write(path)
    return prepare(Workspace.open(workspace), HeadSpec("a", load("small"), ("toy-audio",)))


def test_a_class_that_train_never_has(workspace):
    def change(frame):
        train = frame["split"] == "train"
        frame.loc[train & (frame["label"] == "sad"), "label"] = "happy"
        frame.loc[train, SOFT] = [0.5, 0.5, 0.0]

    with pytest.raises(DataError, match="no utterance of split 'train' is sad"):
        changed(workspace, change)


def test_a_class_that_train_has_in_soft_labels_alone_can_be_learnt(workspace):
    def change(frame):
        frame.loc[(frame["split"] == "train") & (frame["label"] == "sad"), "label"] = None

    assert changed(workspace, change).notes == []


def test_a_dev_of_one_class(workspace):
    def change(frame):
        frame.loc[frame["split"] == "dev", "label"] = "sad"

    with pytest.raises(DataError, match="split 'dev' are 'sad'"):
        changed(workspace, change)


def test_warnings_are_noted_with_the_run(workspace):
    def change(frame):
        dev = frame["split"] == "dev"
        frame.loc[dev & (frame["label"] == "sad"), "label"] = "happy"
        frame.loc[dev, "speaker"] = "s0"  # s0 is in train

    assert changed(workspace, change).notes == [
        "Split dev has no utterance of sad: heads were selected without it.",
        "1 speaker of dev is also in train: expect better scores than on new speakers.",
    ]
