"""A mistake that one importer refuses is refused, or read rightly, by the importers beside it."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from medusa.errors import ManifestError
from medusa.manifests import corpora
from medusa.manifests.import_tools.ingest import attach_audio
from medusa.manifests.manifest import Manifest
from medusa.tests.manifests.test_found_files import RECORDINGS, TABLES, recording
from medusa.tests.manifests.test_found_files import corpus as corpus_of
from medusa.tests.manifests.test_odd_tables import ACTORS, MEDUSA, MELD, MSP, VOTES, written

MOSEI = "video_id,clip_id,text,happy,sad,anger,surprise,disgust,fear\n"
MEDUSA_TABLE = f"{MEDUSA},Split_Set\n"
TURN = "Session1/dialog/transcriptions/Ses01F_impro01"
IN_ORDER = pytest.mark.filterwarnings("ignore:The inplace keyword")  # audformat 1.4 on pandas 3.1


def imported(root: Path, name: str, **options: Any) -> Manifest:
    manifest: Manifest = corpora.load(name).import_corpus(root, **options)
    return manifest


def meld(*rows: str, others: str = "No,Joey,anger,0,0\n") -> dict[str, str]:
    tables = dict.fromkeys(("dev_sent_emo.csv", "test_sent_emo.csv"), MELD + others)
    return {"train_sent_emo.csv": MELD + "".join(rows), **tables}


# An importer of a table -> its files; every cell with `TEXT` may hold any text.
WITH_TEXT = {
    "meld": meld("TEXT,Ross,joy,0,0\n", "b,Ross,joy,0,1\n", "TEXT,Ross,joy,0,2\n"),
    "cmu-mosei": {"t.csv": MOSEI + "".join(f"v,{n},TEXT,1,0,0,0,0,2\n" for n in range(3))},
    "crema-d": {
        "tabulatedVotes.csv": VOTES + "100001,0,0,0,0,3,0,1001_IEO_NEU_XX\n",
        "VideoDemographics.csv": "ActorID,Sex,x\n1001,Male,TEXT\n1002,Female,b\n1003,Male,TEXT\n",
    },
    "medusa": {
        "t.csv": MEDUSA_TABLE.replace("\n", ",x\n")
        + "".join(f"a{n}.wav,{'1,' * 8}4,4,4,Train,TEXT\n" for n in range(3))
    },
    "msp-podcast": {
        "labels_consensus.csv": MSP.replace("\n", ",x\n")
        + "".join(f"MSP-PODCAST_0001_000{n}.wav,N,4,4,4,1,Male,Train,TEXT\n" for n in range(3))
    },
}


def filled(files: dict[str, str], change: Callable[[str], str]) -> dict[str, str]:
    return {name: change(text) for name, text in files.items()}


@pytest.mark.parametrize("name", WITH_TEXT)
@pytest.mark.parametrize(
    ("sign", "text"), [(",", '5" tall'), (";", "so, well"), ("\t", "so, well")]
)
def test_bare_quotes_and_other_separators(tmp_path: Path, name: str, sign: str, text: str) -> None:
    files = filled(WITH_TEXT[name], lambda table: table.replace(",", sign).replace("TEXT", text))
    manifest = imported(written(tmp_path, files), name)
    rows = {"meld": 5, "crema-d": 1}.get(name, 3)
    assert len(manifest) == rows
    if name in ("meld", "cmu-mosei"):
        assert manifest.frame["text"].tolist().count(text) == (2 if name == "meld" else 3)


@pytest.mark.parametrize("name", WITH_TEXT)
def test_tables_that_are_not_utf_8_are_refused_with_the_line(tmp_path: Path, name: str) -> None:
    files = filled(WITH_TEXT[name], lambda table: table.replace("TEXT", "I’m"))
    root = written(tmp_path, files)
    for path in tmp_path.glob("*.csv"):
        path.write_bytes(path.read_text(encoding="utf-8").encode("cp1252"))
    with pytest.raises(ManifestError, match=r"\.csv:\d: a byte that is not UTF-8 \(0x92\)"):
        imported(root, name)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("ending", [".txt", ".TXT"])
def test_texts_of_iemocap_in_other_encodings(tmp_path: Path, encoding: str, ending: str) -> None:
    root = written(tmp_path, TABLES["iemocap"])
    (root / TURN).parent.mkdir(parents=True)
    text = "Ses01F_impro01_F000 [6.2-8.2]: Café, don’t.\nSes01F_impro01_M009 [1-2]: No.\n"
    (root / TURN).with_suffix(ending).write_bytes(text.encode(encoding))
    manifest = imported(root, "iemocap")
    assert manifest.frame["text"].tolist()[0] == "Café, don’t."
    line = manifest.provenance["import"][-1]
    assert (line["kind"], line["found"], line["kept"]) == ("texts", 2, 1)
    assert line["note"] == "1 utterance has none"


@pytest.mark.parametrize("ending", [".wav", ".WAV", ".Wav"])
def test_endings_of_files_that_a_table_names(tmp_path: Path, ending: str) -> None:
    row = f"{'1,' * 8}4,4,4,Train\n"
    recording(tmp_path / f"a{ending}")
    recording(tmp_path / f"v/1{ending}")
    (tmp_path / f"a.{'TXT' if ending.isupper() else 'txt'}").write_text("hello")
    for cell in ("a.wav", f"a{ending}"):
        root = written(tmp_path, {"t.csv": f"{MEDUSA_TABLE}{cell},{row}"})
        manifest = imported(root, "medusa", audio=tmp_path, transcripts=tmp_path)
        manifest, dropped = attach_audio(manifest, tmp_path)
        assert dropped == {} and manifest.frame[["id", "text"]].to_numpy().tolist() == [
            ["a", "hello"]
        ]
        assert [line["kind"] for line in manifest.provenance["import"]] == [
            "utterances",
            "transcripts",
        ]
    root = written(tmp_path, {"t.csv": MOSEI + "v,1,hi,1,0,0,0,0,2\n"})
    assert attach_audio(imported(root, "cmu-mosei", audio=tmp_path), tmp_path)[1] == {}


def test_endings_of_tables(tmp_path: Path) -> None:
    pd.DataFrame({"id": ["u"], "label": ["sad"]}).to_parquet(tmp_path / "t.PARQUET")
    assert len(imported(tmp_path / "t.PARQUET", "csv")) == 1
    row = "MSP-PODCAST_0001_0001.wav,N,4,4,4,1,Male,Train\n"
    files = {"labels_consensus.CSV": MSP + row, "Transcripts/MSP-PODCAST_0001_0001.TXT": "hello"}
    assert imported(written(tmp_path, files), "msp-podcast").frame["text"].tolist() == ["hello"]


@pytest.mark.parametrize("name", ["crema-d", "iemocap", "meld", "msp-podcast"])
def test_copies_of_recordings_are_counted(tmp_path: Path, name: str) -> None:
    root = corpus_of(tmp_path, name)
    first = root / f"{RECORDINGS[name][0]}.wav"
    recording(first.parent / "copy" / first.name)
    lines = imported(root, name).provenance["import"]
    line = next(line for line in lines if line["kind"] == "recordings")
    assert line["found"] == 3 and line["dropped"] == {"copies of another file": 1}


Columns = dict[str, Sequence[object]]


def parquet(root: Path, columns: Columns) -> Path:
    pd.DataFrame(columns).to_parquet(root / "t.parquet")
    return root / "t.parquet"


def lhotse(root: Path, columns: Columns) -> Path:
    names = [name for name in columns if name not in ("id", "path")]
    rows = zip(*(columns[name] for name in names), strict=True)
    source = {"type": "file", "channels": [0], "source": "a.wav"}
    facts = {"id": "r", "sampling_rate": 8000, "num_samples": 400, "duration": 0.05}
    cuts = [
        {
            **{"id": f"c{n}", "start": 0, "duration": 0.05, "channel": 0, "type": "MonoCut"},
            "recording": facts | {"sources": [source], "channel_ids": [0]},
            "supervisions": [
                {
                    **{"id": columns["id"][n], "recording_id": "r", "start": 0},
                    **{"duration": 0.05, "channel": 0},
                    "custom": dict(zip(names, row, strict=True)),
                }
            ],
        }
        for n, row in enumerate(rows)
    ]
    (root / "t.jsonl").write_text("".join(json.dumps(cut) + "\n" for cut in cuts))
    return root / "t.jsonl"


def datasets_folder(root: Path, columns: Columns) -> Path:
    import datasets

    datasets.disable_progress_bars()
    datasets.Dataset.from_dict({name: list(cells) for name, cells in columns.items()}).save_to_disk(
        str(root / "disk")
    )
    return root / "disk"


def audformat_database(root: Path, columns: Columns) -> Path:
    import audformat

    database = audformat.Database("tiny")
    files = columns.get("path", [f"{name}.wav" for name in columns["id"]])
    database["t"] = audformat.Table(audformat.filewise_index(list(files)))
    for name, cells in columns.items():
        if name not in ("id", "path"):
            kind = "float" if isinstance(cells[0], float) else "str"
            database.schemes[name] = audformat.Scheme(kind)
            database["t"][name] = audformat.Column(scheme_id=name)
            database["t"][name].set(list(cells))
    database.save(str(root / "database"))
    return root / "database"


MADE: dict[str, tuple[Callable[[Path, Columns], Path], str]] = {
    "parquet": (parquet, "csv"),
    "lhotse": (lhotse, "lhotse"),
    "datasets": (datasets_folder, "datasets"),
    "audformat": (audformat_database, "audformat"),
}
ANY_TABLE = {"audformat": {"table": "t"}}


@IN_ORDER
@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize(
    ("shares", "message"),
    [
        (([80.0, 0.5], [20.0, 0.5]), ":2: p_a, p_b add up to 100, not to 1"),
        (([0.5, 1e30], [0.5, 0.0]), r":3: p_a, p_b add up to 1e\+30, not to 1"),
        (([1.5, 0.5], [-0.5, 0.5]), ":2: p_b is '-0.5', not a finite number from 0"),
        (([0.5, np.inf], [0.5, 0.0]), ":3: p_a is 'inf', not a finite number from 0"),
    ],
)
def test_soft_labels_that_are_no_shares(
    tmp_path: Path, kind: str, shares: tuple[list[float], list[float]], message: str
) -> None:
    make, name = MADE[kind]
    root = make(tmp_path, {"id": ["u", "v"], "p_a": shares[0], "p_b": shares[1]})
    with pytest.raises(ManifestError, match=message):
        imported(root, name, **ANY_TABLE.get(kind, {}))


@pytest.mark.parametrize("votes", ["0.25", "-1", "inf", "1e30", "3000000000"])
def test_cells_that_count_no_votes_are_refused(tmp_path: Path, votes: str) -> None:
    row = f"100001,0,{votes},0,0,1,0,1001_IEO_NEU_XX\n"
    files = {"tabulatedVotes.csv": VOTES + row, "VideoDemographics.csv": ACTORS}
    with pytest.raises(ManifestError, match=r"tabulatedVotes\.csv:2: D is "):
        imported(written(tmp_path, files), "crema-d")


@IN_ORDER
@pytest.mark.parametrize("kind", MADE)
def test_a_column_without_any_label(tmp_path: Path, kind: str) -> None:
    make, name = MADE[kind]
    root = make(tmp_path, {"id": ["u", "v"], "label": ["", ""]})
    with pytest.raises(ManifestError, match=r"no row has a label; .* --classes CLASS"):
        imported(root, name, **ANY_TABLE.get(kind, {}))
    manifest = imported(root, name, classes="sad,angry", **ANY_TABLE.get(kind, {}))
    assert manifest.scheme.classes == ("sad", "angry") and manifest.frame["label"].isna().all()


@IN_ORDER
@pytest.mark.parametrize("kind", ["parquet", "datasets", "audformat"])
@pytest.mark.parametrize("cells", [("0", "1"), (0.0, 1.0), ("ch1", "ch2"), ("A", "B")])
@pytest.mark.parametrize("column", ["channel", "side"])
def test_rows_of_one_channel_of_several(
    tmp_path: Path, kind: str, cells: tuple[object, object], column: str
) -> None:
    make, name = MADE[kind]
    for file in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / file, np.full((400, 2), 0.1), 8000)
    columns = {"id": ["u", "v"], "path": ["a.wav", "b.wav"], "label": ["x", "y"], column: cells}
    root = make(tmp_path, columns)
    with pytest.raises(ManifestError, match=r"(?s):2: channel .* of the 2 of .*write each"):
        imported(root, name, audio=tmp_path, **ANY_TABLE.get(kind, {}))


def emobox(test: list[str], train: list[str]) -> dict[str, str]:
    def rows(keys: list[str]) -> str:
        return "".join(json.dumps({"key": k, "wav": "x.wav", "emo": "sad"}) + "\n" for k in keys)

    tables = {"test": test, "train": train}
    files = {f"fold_1/corpus_{name}_fold_1.jsonl": rows(keys) for name, keys in tables.items()}
    return files | {"label_map.json": '{"sad": "Sad"}'}


TWICE: dict[str, tuple[str, dict[str, str], str]] = {
    "meld": ("meld", meld("a,Ross,joy,0,0\n", "b,Ross,joy,0,0\n"), r"train.*:3: train_dia0_utt0"),
    "cmu-mosei": (
        "cmu-mosei",
        {"t.csv": MOSEI + "v,1,t,0,1,0,0,0,0\n" * 2},
        r"t\.csv:3: v_1 comes twice",
    ),
    "medusa": (
        "medusa",
        {"t.csv": MEDUSA_TABLE + f"a.wav,{'1,' * 8}4,4,4,Train\n" * 2},
        r"t\.csv:3: a comes twice",
    ),
    "msp-podcast": (
        "msp-podcast",
        {"labels_consensus.csv": MSP + "MSP-PODCAST_0001_0001.wav,N,4,4,4,1,Male,Train\n" * 2},
        r"labels_consensus\.csv:3: .* comes twice",
    ),
    "emobox, one table": ("emobox", emobox(["k", "k"], ["l"]), "corpus: .* found k again"),
    "emobox, two tables": ("emobox", emobox(["k"], ["k"]), "corpus: .* found k again"),
    "crema-d": (
        "crema-d",
        {
            "SentenceFilenames.csv": "Filename\n1001_IEO_NEU_XX\n1001_IEO_NEU_XX\n",
            "VideoDemographics.csv": ACTORS,
        },
        r"SentenceFilenames\.csv:3: 1001_IEO_NEU_XX comes twice",
    ),
}


@pytest.mark.parametrize("case", TWICE)
def test_one_id_twice(tmp_path: Path, case: str) -> None:
    name, files, message = TWICE[case]
    options = {"labels": "intended"} if name == "crema-d" else {}
    with pytest.raises(ManifestError, match=message):
        imported(written(tmp_path / "corpus", files), name, **options)


@pytest.mark.parametrize("kind", ["parquet", "lhotse", "datasets"])
def test_one_id_twice_in_tables_of_libraries(tmp_path: Path, kind: str) -> None:
    make, name = MADE[kind]
    root = make(tmp_path, {"id": ["u", "u"], "label": ["x", "y"]})
    with pytest.raises(ManifestError, match=r"these come again: u \(line 3\)"):
        imported(root, name)
