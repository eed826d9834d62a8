"""One recording under two ids: folds keep it together, and every result has a note."""

import html
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medusa.cache import FeatureStore, StoreWriter
from medusa.heads.config import load
from medusa.heads.fitting.fit import HeadJob, prepare
from medusa.heads.spec import HeadSpec
from medusa.manifests import Manifest
from medusa.manifests.splits.same_recording import shared_notes, with_tied_speakers
from medusa.scoring import truth_of
from medusa.tests.command_line import call
from medusa.workspace import Workspace

FAST = ("head.width=8", "head.feedforward=8", "stages.0.epochs=1", "stages.1.epochs=1")
NOTE = (
    "1 recording is in several splits ({}): expect better scores than on new recordings; "
    "`medusa manifest split random --force` keeps them together."
)


def copied(workspace: Path, row: int, other: int) -> None:
    """Let another row of the manifest be the recording of a row."""
    manifest = Manifest.read(workspace / "manifest.parquet")
    manifest.frame.loc[other, "content"] = manifest.frame.loc[row, "content"]
    manifest.write(workspace / "manifest.parquet")


def coded(workspace: Path, row: int, other: int) -> None:
    """Let another row be the same samples in another file: its features are equal."""
    [path] = (workspace / "features").glob("toy-audio*")
    store = FeatureStore.open(path)
    manifest = Manifest.read(workspace / "manifest.parquet")
    manifest.frame.loc[other, "content"] = "recoded"
    manifest.write(workspace / "manifest.parquet")
    values = store.read([manifest.frame.loc[row, "content"]]).values.numpy()[None]
    with StoreWriter(path, store.spec) as writer:
        writer.append("recoded", values)


def prepared(workspace: Path, *overrides: str) -> HeadJob:
    return prepare(
        Workspace.open(workspace), HeadSpec("a", load("small", FAST + overrides), ("toy-audio",))
    )


@pytest.mark.parametrize("make", [copied, coded])
@pytest.mark.parametrize(("row", "other", "ids"), [(0, 5, "u0, u5"), (1, 4, "u1, u4")])
def test_a_recording_in_two_splits_is_noted(workspace, make, row, other, ids):
    assert prepared(workspace).notes == []
    make(workspace, row, other)
    assert prepared(workspace).notes == [NOTE.format(ids)]


@pytest.mark.parametrize("make", [copied, coded])
def test_a_recording_of_two_speakers_is_in_one_fold(workspace, make):
    job = prepared(workspace, "train.folds=2")
    of = dict(zip(job.examples.ids, job.folds.tolist(), strict=True))
    other = next(row for row in (1, 2, 3) if of[f"u{row}"] != of["u0"])
    make(workspace, 0, other)
    job = prepared(workspace, "train.folds=2")
    frame = pd.DataFrame({"fold": job.folds, "speaker": job.examples.speakers}, job.examples.ids)
    assert frame["fold"]["u0"] == frame["fold"][f"u{other}"]
    assert frame["speaker"]["u0"] == frame["speaker"][f"u{other}"] == "s0"
    speakers = Manifest.read(workspace / "manifest.parquet").frame.set_index("id")["speaker"]
    train = frame[frame["fold"] >= 0]
    assert (train.groupby(speakers.loc[train.index])["fold"].nunique() == 1).all()
    assert job.notes == []


def test_equal_short_features_of_other_lengths_are_other_recordings(workspace):
    job = prepared(workspace)
    assert len(set(job.examples.speakers)) == 6 and job.notes == []


def test_speakers_of_dev_and_test_are_noted(workspace):
    manifest = Manifest.read(workspace / "manifest.parquet")
    manifest.frame.loc[manifest.frame["split"] == "test", "speaker"] = "s4"
    manifest.write(workspace / "manifest.parquet")
    assert prepared(workspace).notes == ["1 speaker is in dev and in test: s4."]


def test_the_note_is_in_every_result(workspace):
    copied(workspace, 0, 5)
    sets = [word for one in FAST for word in ("--set", one)]
    words = ("--config", "small", "--backbones", "toy-audio", *sets)
    note = NOTE.format("u0, u5")
    for name in ("a", "b"):
        call(workspace, "fit-head", *words, "--name", name, "--seeds", "0" if name == "a" else "1")
    runs = sorted(path.name for path in (workspace / "runs").iterdir() if path.name[0] != ".")
    stacked = call(workspace, "stack", *runs, "--name", "s", "--method", "soft")
    judged = call(workspace, "evaluate", "s")
    call(workspace, "report", "s")
    page = html.unescape((workspace / "s.html").read_text(encoding="utf-8"))
    for text in (stacked.output, judged.output, page):
        assert "".join(note.split()) in "".join(text.split())


def test_a_row_without_a_speaker_has_the_speaker_of_its_recording(workspace):
    copied(workspace, 0, 6)
    manifest = Manifest.read(workspace / "manifest.parquet")
    manifest.frame.loc[6, "speaker"] = None
    tied = with_tied_speakers(manifest).frame
    assert tied["speaker"][6] == "s0" and tied["speaker"].isna().sum() == 0
    assert shared_notes(manifest) == []
    truth = truth_of(manifest, ["u6", "u1"], ["train", "train"], manifest.scheme.classes)
    assert truth.speakers == ["s0", "s1"]
    assert np.array_equal(manifest.frame["content"], tied["content"])
