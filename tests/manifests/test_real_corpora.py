"""The real corpora, where MEDUSA_REAL_DATA says they are."""

import csv
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medusa.manifests import corpora
from medusa.manifests.import_tools.ingest import attach_audio
from medusa.manifests.splits.plan import SplitPlan, divided

ROOT = Path(os.environ.get("MEDUSA_REAL_DATA", "")) if "MEDUSA_REAL_DATA" in os.environ else None
LETTERS = "ADFHNS"


def place(name: str) -> Path:
    if ROOT is None or not (ROOT / name).is_dir():
        pytest.skip("needs the real corpus below MEDUSA_REAL_DATA")
    return ROOT / name


def test_emodb(tmp_path: Path) -> None:
    manifest, dropped = attach_audio(corpora.load("emodb").import_corpus(place("emodb")), tmp_path)
    frame = manifest.frame
    assert len(frame) == 535 and dropped == {} and frame["speaker"].nunique() == 10
    counts = frame["label"].value_counts().to_dict()
    assert counts == {
        "anger": 127,
        "boredom": 81,
        "neutral": 79,
        "happiness": 71,
        "fear": 69,
        "sadness": 62,
        "disgust": 46,
    }
    assert frame["content"].is_unique and frame["text"].notna().all()
    assert manifest.audio_path(frame["path"][0]).is_file()
    parts = divided(manifest, SplitPlan("speaker", 0, 0.2, 0.2)).frame
    speakers = parts.groupby("split")["speaker"].nunique()
    assert speakers.to_dict() == {"train": 6, "dev": 2, "test": 2}
    assert (parts.groupby("split")["label"].nunique() == 7).all()


def test_meld() -> None:
    frame = corpora.load("meld").import_corpus(place("meld")).frame
    assert frame["split"].value_counts().to_dict() == {"train": 9989, "test": 2610, "dev": 1109}
    first = frame.set_index("id").loc["train_dia0_utt0"]
    assert first["text"].startswith("also I was the point person on my company’s transition")
    assert first["label"] == "neutral" and first["speaker"] == "Chandler"
    assert frame["text"].notna().all() and frame["label"].nunique() == 7
    spoken = {}
    for part in ("train", "dev", "test"):
        with (place("meld") / f"{part}_sent_emo.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                name = f"{part}_dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"
                spoken[name] = row["Utterance"]
    assert frame.set_index("id")["text"].to_dict() == spoken
    assert sum("’" in text for text in spoken.values()) > 3000  # curly quotes, as they were


@pytest.mark.parametrize(("channel", "digit"), [("voice", "1"), ("face", "2"), ("both", "3")])
def test_crema_d_against_an_independent_count(channel: str, digit: str) -> None:
    root = place("crema-d")
    manifest = corpora.load("crema-d").import_corpus(root, channel=channel)
    assert len(manifest) == 7442 and manifest.frame["speaker"].nunique() == 91
    assert manifest.votes is not None
    labels = manifest.frame.set_index("id")["label"].to_dict()
    soft = dict(zip(manifest.frame["id"], manifest.soft(), strict=True))
    votes = unique = differ = 0
    with (root / "tabulatedVotes.csv").open(newline="") as file:
        for line in csv.DictReader(file):
            if not line[""].startswith(digit):
                continue
            counts = np.array([int(line[letter]) for letter in LETTERS])
            votes += counts.sum()
            name = line["fileName"]
            assert np.abs(soft[name] - counts / counts.sum()).max() < 1e-6
            if (counts == counts.max()).sum() == 1:
                unique += 1
                differ += labels[name][0].upper() != line["emoVote"]
            # the table writes ties as N:S, and so do we by leaving the label empty
            letter = None if pd.isna(labels[name]) else labels[name][0].upper()
            assert letter == (None if ":" in line["emoVote"] else line["emoVote"])
    assert len(manifest.votes) == votes
    assert differ == 0 and unique > 6000, (unique, differ)
