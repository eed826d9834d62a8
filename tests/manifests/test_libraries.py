"""Formats that optional libraries read; each test is skipped where its library is absent."""

import struct
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from medusa.errors import ManifestError, MedusaError
from medusa.manifests import corpora
from medusa.manifests.import_corpus import import_corpus
from medusa.manifests.import_tools.ingest import attach_audio
from medusa.manifests.manifest import Manifest
from medusa.workspace import Workspace


def sounds(root: Path, *names: str, frames: int = 16000) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for name in names:
        sound = np.random.default_rng(sum(name.encode())).normal(scale=0.1, size=frames)
        soundfile.write(root / name, sound, 16000)


def column(manifest: Manifest, name: str) -> list[object]:
    return [None if pd.isna(value) else value for value in manifest.frame[name]]


def test_a_table_as_csv_and_as_parquet_gives_the_same_rows(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["u1", "u2"], "label": ["sad", None], "arousal": [2.5, np.nan]})
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_parquet(tmp_path / "t.parquet")
    one, other = (
        corpora.load("csv").import_corpus(tmp_path / name) for name in ("t.csv", "t.parquet")
    )
    pd.testing.assert_frame_equal(one.frame, other.frame)
    assert column(other, "label") == ["sad", None]
    (tmp_path / "t.parquet").write_text("no")
    with pytest.raises(ManifestError, match="not a readable Parquet file"):
        corpora.load("csv").import_corpus(tmp_path / "t.parquet")


@pytest.mark.parametrize("name", ["audformat", "lhotse", "datasets"])
def test_a_missing_library_names_its_extra(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ManifestError, match=rf"pip install 'medusa-ser\[{name}\]'"):
        corpora.load(name).import_corpus(tmp_path)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # audformat 1.4 on pandas 3.1
def test_audformat(tmp_path: Path) -> None:
    import audformat

    sounds(tmp_path / "audio", "001.wav", "002.wav")
    database = audformat.Database("tiny")
    database.schemes["emotion"] = audformat.Scheme(labels=["anger", "joy"])
    database.schemes["speaker"] = audformat.Scheme("str")
    index = audformat.segmented_index(
        ["audio/001.wav", "audio/001.wav", "audio/002.wav"], ["0s", "0.25s", "0s"],
        ["0.25s", "1s", None],
    )  # fmt: skip
    database["emotion"] = audformat.Table(index)
    for name, values in {"emotion": ["joy", None, "anger"], "speaker": ["a", "a", "b"]}.items():
        database["emotion"][name] = audformat.Column(scheme_id=name)
        database["emotion"][name].set(values)
    database.save(str(tmp_path))
    manifest, _ = attach_audio(
        corpora.load("audformat").import_corpus(tmp_path, columns="label=emotion"), tmp_path
    )
    assert column(manifest, "label") == ["joy", None, "anger"]
    assert column(manifest, "speaker") == ["a", "a", "b"]
    assert column(manifest, "path") == ["audio/001.wav", "audio/001.wav", "audio/002.wav"]
    assert column(manifest, "start_s") == [0, 0.25, 0]
    assert column(manifest, "duration_s") == [0.25, 0.75, 1]
    with pytest.raises(ManifestError, match="choose one with --table: emotion"):
        corpora.load("audformat").import_corpus(tmp_path, columns="label=mood")


def test_lhotse(tmp_path: Path) -> None:
    import lhotse

    sounds(tmp_path, "r1.wav")
    recording = lhotse.Recording.from_file(tmp_path / "r1.wav")
    supervisions = [
        lhotse.SupervisionSegment(
            id="u1", recording_id="r1", start=0, duration=0.5, text="hello", speaker="s1",
            gender="female", language="en", custom={"emotion": "sad"},
        ),
        lhotse.SupervisionSegment(
            id="u2", recording_id="r1", start=0.5, duration=0.25, custom={"emotion": "happy"}
        ),
    ]  # fmt: skip
    lhotse.RecordingSet.from_recordings([recording]).to_file(tmp_path / "recordings.jsonl.gz")
    lhotse.SupervisionSet.from_segments(supervisions).to_file(tmp_path / "supervisions.jsonl.gz")
    cuts = lhotse.CutSet.from_cuts(
        [lhotse.MonoCut("c", 0, 1.0, 0, recording=recording, supervisions=supervisions)]
    )
    cuts.to_file(tmp_path / "cuts.jsonl.gz")
    for root in (tmp_path, tmp_path / "cuts.jsonl.gz"):
        manifest, _ = attach_audio(
            corpora.load("lhotse").import_corpus(root, columns="label=emotion"), tmp_path
        )
        assert column(manifest, "id") == ["u1", "u2"]
        assert column(manifest, "label") == ["sad", "happy"]
        assert column(manifest, "path") == ["r1.wav", "r1.wav"]
        assert column(manifest, "start_s") == [0, 0.5]
        assert column(manifest, "duration_s") == [0.5, 0.25]
        assert column(manifest, "text") == ["hello", None]
        assert column(manifest, "speaker") == ["s1", None]


@pytest.mark.parametrize("meant", ["cut", "supervision", "both", "files"])
def test_lhotse_rows_of_one_channel_are_refused(tmp_path: Path, meant: str) -> None:
    import lhotse

    soundfile.write(tmp_path / "r1.wav", np.full((800, 2), 0.1), 8000)
    recording = lhotse.Recording.from_file(tmp_path / "r1.wav")
    channel = 1 if meant in ("supervision", "both") else [0, 1]
    one = lhotse.SupervisionSegment("u1", "r1", 0, 0.1, channel=channel, custom={"label": "sad"})
    cut = lhotse.MultiCut("c", 0, 0.1, [0, 1], recording=recording, supervisions=[one])
    message = r"u1 is channel 1 of 2 channels of .*r1\.wav; .* write each channel to a file"
    if meant in ("cut", "both"):
        cut = lhotse.MonoCut("c", 0, 0.1, 1, recording=recording, supervisions=[one])
        message = r"c is channel 1 of 2 channels of .*r1\.wav; "
    if meant == "files":
        soundfile.write(tmp_path / "r2.wav", np.full(800, 0.1), 8000)
        source = lhotse.audio.AudioSource("file", [2], str(tmp_path / "r2.wav"))
        recording.sources.append(source)
        message = "cut c is of 2 files, and a row is of one file"
    lhotse.CutSet.from_cuts([cut]).to_file(tmp_path / "cuts.jsonl.gz")
    with pytest.raises(ManifestError, match=message):
        corpora.load("lhotse").import_corpus(tmp_path / "cuts.jsonl.gz")


def test_datasets(tmp_path: Path) -> None:
    import datasets

    sounds(tmp_path / "sound", "a.wav", "b.wav")
    inside = (tmp_path / "sound" / "b.wav").read_bytes()
    features = datasets.Features(
        {
            "name": datasets.Value("string"),
            "emotion": datasets.ClassLabel(names=["sad", "happy"]),
            "audio": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
        }
    )
    train = {
        "name": ["u1", "u2"],
        "emotion": [1, -1],
        "audio": [
            {"path": str(tmp_path / "sound" / "a.wav"), "bytes": None},
            {"path": "b.wav", "bytes": inside},
        ],
    }
    test = {"name": ["u3"], "emotion": [0], "audio": [None]}
    parts = {
        name: datasets.Dataset.from_dict(rows, features=features).cast_column(
            "audio",
            datasets.Audio(decode=False),  # writing audio itself needs torchcodec
        )
        for name, rows in {"train": train, "validation": test}.items()
    }
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "disk"))
    named = "id=name,label=emotion"
    with pytest.raises(ManifestError, match="--unpack FOLDER"):
        corpora.load("datasets").import_corpus(tmp_path / "disk", columns=named)
    out = tmp_path / "unpacked"
    manifest, _ = attach_audio(
        corpora.load("datasets").import_corpus(tmp_path / "disk", unpack=out, columns=named),
        tmp_path,
    )
    assert column(manifest, "id") == ["u1", "u2", "u3"]
    assert column(manifest, "label") == ["happy", None, "sad"]
    assert column(manifest, "split") == ["train", "train", "dev"]
    assert column(manifest, "path") == ["unpacked/a.wav", "unpacked/b.wav", None]


def test_recordings_of_equal_names_are_unpacked_side_by_side(tmp_path: Path) -> None:
    import datasets

    datasets.disable_progress_bars()
    value = datasets.Value
    features = datasets.Features(
        {
            "id": value("string"),
            "label": value("string"),
            "audio": {"bytes": value("binary"), "path": value("string")},
        }
    )
    sounds: dict[str, bytes] = {}
    for disk, names in {"one": "abc", "two": "de"}.items():
        parts = {}
        for split, name in zip(("train", "test", "dev"), names, strict=False):
            soundfile.write(tmp_path / "x.wav", np.full(ord(name), 0.1), 8000)
            sounds[name] = (tmp_path / "x.wav").read_bytes()
            audio = [{"bytes": sounds[name], "path": f"{folder}/000.wav"} for folder in "pq"]
            rows = {"id": [name, f"{name}2"], "label": ["sad", "happy"], "audio": audio}
            part = datasets.Dataset.from_dict(rows, features=features)
            parts[split] = part.cast_column("audio", datasets.Audio(decode=False))
        datasets.DatasetDict(parts).save_to_disk(str(tmp_path / disk))
    out = tmp_path / "unpacked"
    for disk in ("one", "two", "one"):
        manifest = corpora.load("datasets").import_corpus(tmp_path / disk, unpack=out)
        for name, path in zip(manifest.frame["id"], manifest.frame["path"], strict=True):
            assert Path(str(path)).read_bytes() == sounds[str(name)[0]]
    assert len(list(out.iterdir())) == 5  # Equal bytes share a file, and nothing is left over.


def test_a_dataset_with_wrong_offsets_is_refused(tmp_path: Path) -> None:
    """The offsets say where each text begins; following wrong ones would read other memory."""
    import datasets

    rows = {"id": ["u1", "u2"], "path": ["a.wav", "b.wav"], "emotion": ["sad", "glad"]}
    datasets.Dataset.from_dict(rows).save_to_disk(str(tmp_path / "disk"))
    [file] = (tmp_path / "disk").glob("*.arrow")
    right, wrong = struct.pack("<iii", 0, 2, 4), struct.pack("<iii", 0, 2, 1 << 30)
    assert file.read_bytes().count(right) == 1
    file.write_bytes(file.read_bytes().replace(right, wrong))
    with pytest.raises(MedusaError):
        import_corpus(
            Workspace.open(tmp_path), "datasets", tmp_path / "disk", columns="label=emotion"
        )
