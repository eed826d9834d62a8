"""One recording under several ids is in one split, whatever the command."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.labels.votes import one_hot
from medusa.manifests.manifest import Manifest
from medusa.manifests.splits.same_recording import tied_speakers, with_tied_speakers
from medusa.tests.command_line import call

SCHEME = LabelScheme("two", ("sad", "happy"))
SAME = {"copy1": "u1", "copy2": "u2", "copy3": "u13", "copy4": "u1"}  # By id: the other row.


def made(home: Path, split: list[str] | None = None) -> Manifest:
    """Write 24 rows of eight speakers and four copies, each under another speaker."""
    ids = [f"u{row}" for row in range(24)]
    speakers = [f"Ses0{row % 8}" for row in range(24)]
    frame = pd.DataFrame(
        {
            "id": [*ids, *SAME],
            "speaker": [*speakers, "Ses06", "Ses07", "Ses00", "Ses04"],
            "content": [*ids, *SAME.values()],
            "path": [*ids, *SAME.values()],
            "start_s": 0.0,
            "duration_s": 1.0,
            "split": split,
        }
    )
    label = pd.Series(["sad", "happy"] * 14)
    whole = pd.concat([frame.assign(label=label), one_hot(label, SCHEME)], axis=1)
    manifest = Manifest(whole, SCHEME, root=home, provenance={"split": {"by": "corpus"}})
    manifest.write(home / "manifest.parquet")
    return manifest


def split_of(home: Path) -> "pd.Series[str]":
    return Manifest.read(home / "manifest.parquet").frame.set_index("id")["split"]


def test_a_row_without_a_speaker_has_that_of_the_same_recording(tmp_path: Path) -> None:
    manifest = made(tmp_path)
    frame = manifest.frame.set_index("id", drop=False)
    frame.loc[["copy3", "u13", "u5"], "speaker"] = [None, "Ses05", None]
    manifest.frame = frame.reset_index(drop=True)
    tied = with_tied_speakers(manifest).frame.set_index("id")["speaker"]
    assert tied["copy3"] == tied["u13"] == "Ses05"
    assert pd.isna(tied["u5"])  # No other row has its recording.


COMMANDS = [
    ["random"],
    ["random", "--by", "utterance"],
    ["random", "--by", "utterance", "--seed", "3"],
    ["random", "--test", "0"],
    ["in-house", "--dev", "0.3"],
    ["leave-out", "Ses06"],
    ["leave-out", "Ses01", "--dev", "0.3"],
    ["fold", "1/3"],
    ["fold", "2/3"],
    ["fold", "3/4", "--of", "session"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_rows_of_one_recording_are_in_one_split(tmp_path: Path, words: list[str]) -> None:
    made(tmp_path)
    said = call(tmp_path, "manifest", "split", *words, "--force").stderr
    split = split_of(tmp_path)
    assert all(split[copy] == split[row] for copy, row in SAME.items())
    assert split.notna().all() and {"train"} < set(split)
    assert "7 rows have the recording of another row" in said


@pytest.mark.parametrize("by", ["speaker", "utterance"])
def test_a_kept_test_split_takes_its_copies(tmp_path: Path, by: str) -> None:
    made(tmp_path, ["test" if row in (1, 9, 17) else "train" for row in range(28)])
    said = call(tmp_path, "manifest", "split", "random", "--keep-test", "--by", by).stderr
    split = split_of(tmp_path)
    assert split[["u1", "copy1", "copy4"]].tolist() == ["test"] * 3
    assert split["copy2"] == split["u2"] and " moved)" in said


def test_the_corpus_s_own_partition_keeps_copies_together(tmp_path: Path) -> None:
    parts = ["Test1"] * 2 + ["Development"] * 6 + ["Train"] * 20
    made(tmp_path, parts)
    rename = "--rename=Test1=test,Development=dev,Train=train"
    said = call(tmp_path, "manifest", "split", "corpus", rename).stderr
    split = split_of(tmp_path)
    assert split[["copy1", "copy4", "copy2", "copy3"]].tolist() == ["test", "test", "dev", "train"]
    assert "(3 moved)" in said


def test_speakers_of_dev_and_test_are_told(tmp_path: Path) -> None:
    made(tmp_path)
    said = call(tmp_path, "manifest", "split", "random", "--by", "utterance", "--force").stderr
    frame = Manifest.read(tmp_path / "manifest.parquet").frame
    dev, test = (set(frame["speaker"][frame["split"] == name]) for name in ("dev", "test"))
    assert dev & test
    noun = "speaker is" if len(dev & test) == 1 else "speakers are"
    assert f"{len(dev & test)} {noun} in dev and in test: {min(dev & test)}" in said


def test_chains_of_recordings_tie_all_their_speakers() -> None:
    frame = pd.DataFrame(
        {
            "id": list("abcdefgh"),
            "speaker": ["s5", "s4", "s4", "s3", "s3", "s2", "s1", None],
            "content": ["x", "x", "y", "y", "z", "z", "w", "w"],
        }
    )
    label = pd.Series(["sad"] * 8)
    manifest = Manifest(pd.concat([frame, one_hot(label, SCHEME)], axis=1), SCHEME)
    tied = tied_speakers(manifest)
    assert tied[:7].tolist() == ["s2"] * 6 + ["s1"] and pd.isna(tied[7])
    alone = manifest.where(pd.Series(np.arange(8) % 2 == 0))
    assert tied_speakers(alone).tolist() == alone.frame["speaker"].tolist()
