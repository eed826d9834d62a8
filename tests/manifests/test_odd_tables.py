"""Tables that are empty, repeated or damaged end in one sentence, in every importer."""

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medusa.errors import ManifestError
from medusa.manifests import corpora
from medusa.manifests.manifest import Manifest
from medusa.tests.command_line import invoke

MSP = "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set\n"
MEDUSA = "FileName,Angry,Sad,Happy,Surprise,Fear,Disgust,Contempt,Neutral,EmoAct,EmoVal,EmoDom"
MELD = "Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID\n"
ACTORS = "ActorID,Sex\n1001,Male\n"
VOTES = "n,A,D,F,H,N,S,fileName\n"
HEADERS = {
    "msp consensus": ("msp-podcast", {"labels_consensus.csv": MSP}),
    "msp votes": (
        "msp-podcast",
        {"labels_consensus.csv": MSP, "labels_detailed.csv": "FileName,EmoDetail\n"},
    ),
    "msp votes alone": (
        "msp-podcast",
        {
            "labels_consensus.csv": MSP,
            "labels_detailed.csv": "FileName,EmoDetail\n"
            'MSP-PODCAST_0001_0001.wav,"WORKER1; Sad; A:4; V:4; D:4;"\n',
        },
    ),
    "meld": ("meld", {f"{name}_sent_emo.csv": MELD for name in ("train", "dev", "test")}),
    "crema-d": ("crema-d", {"tabulatedVotes.csv": VOTES, "VideoDemographics.csv": ACTORS}),
    "cmu-mosei": (
        "cmu-mosei",
        {"t.csv": "video_id,clip_id,text,happy,sad,anger,surprise,disgust,fear\n"},
    ),
    "medusa": ("medusa", {"t.csv": f"{MEDUSA},Split_Set\n"}),
    "csv": ("csv", {"t.csv": "id,label\n"}),
    "iemocap": ("iemocap", {"Session1/dialog/EmoEvaluation/Ses01F_impro01.txt": "% nothing\n"}),
}


def written(root: Path, files: dict[str, str]) -> Path:
    """Write files; return the table of a corpus that is one table, or the folder."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root / "t.csv" if "t.csv" in files else root


def refusal(home: Path, name: str, root: Path) -> str:
    done = invoke(home, "manifest", "import", name, str(root))
    assert isinstance(done.exception, ManifestError), done.exception
    assert not (home / "manifest.parquet").exists()
    return str(done.exception)


@pytest.mark.parametrize("case", HEADERS)
def test_headers_alone_are_refused(tmp_path: Path, case: str) -> None:
    name, files = HEADERS[case]
    message = refusal(tmp_path, name, written(tmp_path / "corpus", files))
    assert "no utterance to import" in message or "no rows; expected a header" in message
    assert str(tmp_path / "corpus") in message


def test_a_release_whose_file_of_votes_is_a_header_has_hard_labels(tmp_path: Path) -> None:
    row = "MSP-PODCAST_0001_0001.wav,N,4,4,4,1,Male,Train\n"
    files = {"labels_consensus.csv": MSP + row, "labels_detailed.csv": "FileName,EmoDetail\n"}
    manifest = corpora.load("msp-podcast").import_corpus(written(tmp_path, files))
    assert manifest.frame["p_neutral"].tolist() == [1.0]


def test_a_clip_twice_in_the_votes_of_crema_d(tmp_path: Path) -> None:
    rows = "100001,0,0,0,0,3,0,1001_IEO_NEU_XX\n200001,1,0,0,0,0,0,1001_IEO_NEU_XX\n"
    files = {"tabulatedVotes.csv": VOTES + rows, "VideoDemographics.csv": ACTORS}
    assert len(corpora.load("crema-d").import_corpus(written(tmp_path / "a", files))) == 1
    files["tabulatedVotes.csv"] += "100002,1,0,0,0,0,0,1001_IEO_NEU_XX\n"
    message = refusal(tmp_path, "crema-d", written(tmp_path / "b", files))
    assert "tabulatedVotes.csv:4: 1 1001_IEO_NEU_XX comes twice" in message


def test_an_actor_twice_in_crema_d(tmp_path: Path) -> None:
    rows = "100001,0,0,0,0,3,0,1001_IEO_NEU_XX\n"
    files = {"tabulatedVotes.csv": VOTES + rows, "VideoDemographics.csv": ACTORS + "1001,Female\n"}
    message = refusal(tmp_path, "crema-d", written(tmp_path / "b", files))
    assert "VideoDemographics.csv:3: 1001 comes twice" in message


@pytest.mark.parametrize("other", ["Ses01F_impro01.txt", "Ses01F_impro02.txt"])
def test_an_utterance_twice_in_iemocap(tmp_path: Path, other: str) -> None:
    turn = "[6.2 - 8.2]\tSes01F_impro01_F000\tneu\t[2.5, 2.5, 3.0]\nC-E2:\tNeutral;\t()\n\n"
    folder = "Session1/dialog/EmoEvaluation/"
    first = f"{folder}Ses01F_impro01.txt"
    files = {first: turn * 2} if folder + other == first else {first: turn, folder + other: turn}
    message = refusal(tmp_path, "iemocap", written(tmp_path / "corpus", files))
    line = 4 if folder + other == first else 1
    assert f"{other}:{line}: Ses01F_impro01_F000 comes twice, first in Ses01F_impro01.txt:1" in (
        message
    )


@pytest.mark.parametrize(
    "metadata", [b"{", b"[]", b"null", b"{}", b'{"index_columns": ["no"], "columns": []}', b"\xff"]
)
def test_parquet_with_damaged_metadata_of_pandas(tmp_path: Path, metadata: bytes) -> None:
    path = tmp_path / "t.parquet"
    table = pa.Table.from_pandas(pd.DataFrame({"id": ["u1"], "label": ["sad"]}))
    pq.write_table(table.replace_schema_metadata({b"pandas": metadata}), path)
    try:
        manifest = corpora.load("csv").import_corpus(path)
    except ManifestError as problem:
        assert "t.parquet: not a readable Parquet file" in str(problem)
    else:  # Nothing that is needed is damaged.
        assert manifest.frame["id"].tolist() == ["u1"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"medusa.scheme", b"{"),
        (b"medusa.scheme", b"[]"),
        (b"medusa.scheme", b'{"name": "x"}'),
        (b"medusa.provenance", b"\xff"),
        (b"medusa.provenance", b""),
    ],
)
def test_a_manifest_with_damaged_metadata(tmp_path: Path, key: bytes, value: bytes) -> None:
    (tmp_path / "t.csv").write_text("id,label\nu1,sad\n")
    corpora.load("csv").import_corpus(tmp_path / "t.csv").write(tmp_path / "m.parquet")
    table = pq.read_table(tmp_path / "m.parquet")
    changed = {**table.schema.metadata, key: value}
    del changed[b"medusa.seal"]  # Other programs do not write the checksum of the table.
    pq.write_table(table.replace_schema_metadata(changed), tmp_path / "m.parquet")
    with pytest.raises(ManifestError, match=r"m.parquet: the manifest is damaged .* --force"):
        Manifest.read(tmp_path / "m.parquet")
    assert json.loads(table.schema.metadata[b"medusa.scheme"])["classes"] == ["sad"]
