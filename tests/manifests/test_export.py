"""What is exported comes back through the importer of its format."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from click.testing import Result

from medusa.manifests import corpora
from medusa.manifests.import_tools.ingest import attach_audio
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.labels.votes import from_votes
from medusa.manifests.manifest import VOTE_COLUMNS, Manifest
from medusa.tests.command_line import invoke

SCHEME = LabelScheme("two", ("sad", "happy"))
SAME = ("id", "speaker", "gender", "language", "split", "text", "label", "start_s", "duration_s",
        "content", "arousal")  # fmt: skip


def made(home: Path, channels: int = 1) -> Manifest:
    home.mkdir()
    sound = np.random.default_rng(0).normal(scale=0.1, size=(8000, channels))
    soundfile.write(home / "long.wav", sound, 8000)
    votes = pd.DataFrame(
        [
            ("u1", "r1", "sad", ["fed up"], 2.0, 3.0, 4.0),
            ("u2", "r1", "happy", None, 5.0, 3.0, 4.0),
        ],
        columns=list(VOTE_COLUMNS),
    )
    ids = pd.Series(["u1", "u2", "u3"])
    label, soft = from_votes(votes, ids, SCHEME)
    frame = pd.DataFrame(
        {
            "id": ids,
            "path": [str(home / "long.wav")] * 3,
            "start_s": [0.0, 0.25, 0.5],
            "duration_s": [0.25, 0.25, 0.5],
            "speaker": ["s1", "s1", None],
            "gender": ["female", "female", None],
            "language": "en",
            "split": ["train", "train", "test"],
            "text": ["He said “no”, twice", "", "None"],
            "label": label,
            "arousal": [2.0, np.nan, 5.5],
        }
    )
    manifest, _ = attach_audio(Manifest(pd.concat([frame, soft], axis=1), SCHEME, votes), home)
    manifest.write(home / "manifest.parquet")
    return manifest


def run(home: Path, *words: object) -> Result:
    return invoke(home, "manifest", "export", *words)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # audformat 1.4 on pandas 3.1
@pytest.mark.parametrize("form", ["csv", "lhotse", "audformat", "datasets"])
@pytest.mark.parametrize("channels", [1, 2])
def test_round_trip(tmp_path: Path, form: str, channels: int) -> None:
    manifest = made(tmp_path / "home", channels)
    target = tmp_path / "out" / ("table.csv" if form == "csv" else form)
    result = run(tmp_path / "home", form, target)
    assert result.exit_code == 0, result.exception
    root = target / "cuts.jsonl.gz" if form == "lhotse" else target
    back, dropped = attach_audio(
        corpora.load(form).import_corpus(root, classes="sad,happy"), tmp_path / "home"
    )
    assert dropped == {} and not [path for path in target.parent.iterdir() if path != target]
    frame = back.frame.set_index("id").loc[["u1", "u2", "u3"]].reset_index()
    for name in SAME:
        empty = {"text": ""} if name == "text" else {}  # a csv cannot tell "" from nothing
        one, other = (
            [empty.get(name) if pd.isna(value) or value == "" else value for value in each[name]]
            for each in (manifest.frame, frame)
        )
        assert one == other, name
    np.testing.assert_allclose(back.soft(), manifest.soft())


def test_votes_are_in_the_csv(tmp_path: Path) -> None:
    made(tmp_path / "home")
    run(tmp_path / "home", "csv", tmp_path / "t.csv")
    votes = [json.loads(cell) for cell in pd.read_csv(tmp_path / "t.csv")["votes"]]
    assert votes[0] == [
        {"rater": "r1", "primary": "sad", "secondary": ["fed up"],
         "arousal": 2.0, "valence": 3.0, "dominance": 4.0}
    ]  # fmt: skip
    assert votes[2] == []


def test_what_is_there_is_not_replaced_unasked(tmp_path: Path) -> None:
    made(tmp_path / "home")
    (tmp_path / "t.csv").write_text("mine")
    assert "--force" in str(run(tmp_path / "home", "csv", tmp_path / "t.csv").exception)
    assert run(tmp_path / "home", "csv", tmp_path / "t.csv", "--force").exit_code == 0
    assert (tmp_path / "t.csv").read_text() != "mine"


def test_a_csv_never_replaces_a_folder(tmp_path: Path) -> None:
    made(tmp_path / "home")
    for more in ((), ("--force",)):
        result = run(tmp_path / "home", "csv", tmp_path / "home", *more)
        assert "home: is a folder, but a csv is a file; name a file" in str(result.exception)
    assert (tmp_path / "home/long.wav").is_file()


@pytest.mark.parametrize(
    ("form", "mark", "own"),
    [
        ("lhotse", "cuts.jsonl.gz", "recording.wav"),
        ("audformat", "db.yaml", "audio/a.wav"),
        ("datasets", "dataset_dict.json", "train/notes.txt"),
        ("datasets", "data.arrow", "data.arrow"),  # an arrow file that no dataset_dict.json names
    ],
)
def test_a_folder_with_other_files_is_not_replaced(
    tmp_path: Path, form: str, mark: str, own: str
) -> None:
    made(tmp_path / "home")
    target = tmp_path / "out"
    for name in (mark, own):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text("mine")
    message = str(run(tmp_path / "home", form, target, "--force").exception)
    assert f"holds {own}, which no export to {form} writes" in message
    assert (target / own).read_text() == "mine"


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # audformat 1.4 on pandas 3.1
@pytest.mark.parametrize("form", ["lhotse", "audformat", "datasets"])
def test_an_earlier_export_and_an_empty_folder_are_replaced(tmp_path: Path, form: str) -> None:
    made(tmp_path / "home")
    (tmp_path / "out").mkdir()
    for _ in range(2):
        result = run(tmp_path / "home", form, tmp_path / "out", "--force")
        assert result.exit_code == 0, result.exception
    (tmp_path / "file").write_text("mine")
    refused = run(tmp_path / "home", form, tmp_path / "file", "--force").exception
    assert f"file: is a file, but {form} needs a folder" in str(refused)
