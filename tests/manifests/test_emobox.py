"""EmoBox's tables: its folds become one cross-validation, and a single fold becomes splits."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from medusa.errors import ManifestError
from medusa.manifests import corpora
from medusa.manifests.import_tools.ingest import attach_audio
from medusa.manifests.splits.cross_validation import FoldPlan, fold_manifests

FOLDS = 4


def line(number: int) -> dict[str, object]:
    return {
        "key": f"toy-{number:02}",
        "dataset": "toy",
        "wav": f"downloads/toy/wav/{number:02}.wav",
        "type": "raw",
        "length": 0.1,
        "emo": "happy" if number % 2 else "Sad",
        "channel": 1,
    }


def write(path: Path, numbers: list[int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line(number)) + "\n" for number in numbers))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of EmoBox with one corpus of 16 clips in 4 folds."""
    root = tmp_path / "data" / "toy"
    for fold in range(1, FOLDS + 1):
        test = [number for number in range(16) if number // 4 == fold - 1]
        write(root / f"fold_{fold}" / f"toy_test_fold_{fold}.jsonl", test)
        rest = sorted(set(range(16)) - set(test))
        write(root / f"fold_{fold}" / f"toy_train_fold_{fold}.jsonl", rest)
    (root / "label_map.json").write_text('{"happy": "Happy", "Sad": "Sad"}')
    sounds = tmp_path / "downloads" / "toy" / "wav"
    sounds.mkdir(parents=True)
    for number in range(16):
        noise = np.random.default_rng(number).normal(scale=0.1, size=1600)
        soundfile.write(sounds / f"{number:02}.wav", noise, 16000)
    return root


def test_the_folds_of_a_corpus_are_one_cross_validation(root):
    manifest, dropped = attach_audio(corpora.load("emobox").import_corpus(root), root)
    assert dropped == {} and len(manifest) == 16 and manifest.scheme.classes == ("happy", "sad")
    assert manifest.frame["id"][5] == "fold_2/toy-05" and manifest.frame["label"][5] == "happy"
    assert manifest.frame["split"].isna().all()
    folds = fold_manifests(manifest, FoldPlan("^(fold_[0-9]+)/"))
    tests = [set(one.split("test").frame["id"].str[:6]) for one in folds]
    assert sorted(map(sorted, tests)) == [[f"fold_{n}"] for n in range(1, FOLDS + 1)]
    for one in folds:
        groups = one.frame.groupby(one.frame["id"].str[:6])["split"]
        assert (groups.nunique() == 1).all() and one.frame["split"].notna().all()


def test_one_fold_gives_the_splits_of_its_tables(root):
    write(root / "fold_2" / "toy_valid_fold_2.jsonl", [0, 1])
    write(root / "fold_2" / "toy_train_fold_2.jsonl", [2, 3, *range(8, 16)])
    frame = corpora.load("emobox").import_corpus(root, fold=2).frame
    assert frame["split"].value_counts().to_dict() == {"train": 10, "test": 4, "dev": 2}
    assert frame.set_index("id")["split"]["toy-00"] == "dev"


def test_recordings_may_lie_without_the_folders_of_the_tables(root, tmp_path):
    (tmp_path / "downloads" / "toy").rename(tmp_path / "mine")
    frame = corpora.load("emobox").import_corpus(root, audio=tmp_path / "mine").frame
    assert all(map(Path.exists, map(Path, frame["path"]))) and not pd.isna(frame["path"]).any()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda root: write(root / "fold_2/toy_test_fold_2.jsonl", [0]), "folds 1 and 2"),
        (lambda root: (root / "label_map.json").write_text('{"happy": "Happy"}'), "found no Sad"),
        (lambda root: (root / "fold_3/toy_test_fold_3.jsonl").unlink(), "no such table"),
        (lambda root: (root / "fold_1/toy_test_fold_1.jsonl").write_text("{}\n"), "jsonl:1: not a"),
    ],
)
def test_damage_is_told_with_its_place(root, damage, message):
    damage(root)
    with pytest.raises(ManifestError, match=message):
        corpora.load("emobox").import_corpus(root)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="such as data/emodb"):
        corpora.load("emobox").import_corpus(tmp_path)


def test_the_corpus_may_be_named_from_the_folder_above_it_or_from_itself(root, monkeypatch):
    paths = list(corpora.load("emobox").import_corpus(root).frame["path"])
    for folder, name in ((root.parent, root.name), (root, ".")):
        monkeypatch.chdir(folder)
        assert list(corpora.load("emobox").import_corpus(Path(name)).frame["path"]) == paths


@pytest.mark.parametrize("wav", ["../secret.wav", "/secret.wav", "downloads/toy//secret.wav"])
def test_a_recording_outside_the_folder_is_refused(root, wav):
    path = root / "fold_1" / "toy_test_fold_1.jsonl"
    path.write_text(json.dumps(line(0) | {"wav": wav}) + "\n")
    with pytest.raises(ManifestError, match="toy-00: expected a recording below"):
        corpora.load("emobox").import_corpus(root)


def test_utterances_that_no_fold_tests_are_counted(root):
    write(root / "fold_2" / "toy_test_fold_2.jsonl", [4, 5])
    (counts,) = corpora.load("emobox").import_corpus(root).provenance["import"]
    assert (counts["found"], counts["kept"]) == (16, 14)
    assert counts["dropped"] == {"in no test table": 2}
