"""Which text stands for an utterance, and the tables of transcripts."""

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from medusa.errors import DataError
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.manifest import Manifest
from medusa.manifests.texts import (
    content_of,
    read_transcripts,
    require_texts,
    texts_of,
    write_transcripts,
)


def manifest() -> Manifest:
    columns = {"id": ["u1", "u2", "u3"], "content": ["c1", "c2", "c3"], "text": ["one", "", None]}
    return Manifest(pd.DataFrame(columns), LabelScheme("x", ("sad",)))


def transcripts(**texts: str) -> pd.DataFrame:
    names = list(texts)
    return pd.DataFrame(
        {
            "id": names,
            "content": [name.replace("u", "c") for name in names],
            "text": list(texts.values()),
            "language": "en",
            "avg_logprob": -0.25,
            "no_speech_prob": 0.5,
            "compression_ratio": 1.0,
            "flags": [["empty"] if not text else [] for text in texts.values()],
        }
    )


def test_content_is_a_digest_of_the_text() -> None:
    assert content_of("für") == hashlib.sha256("für".encode()).hexdigest()[:32]
    assert content_of("") != content_of(" ")


def test_without_transcripts_the_manifest_is_read(tmp_path: Path) -> None:
    source, texts = texts_of(manifest(), tmp_path / "none")
    assert source == "manifest"
    assert texts.index.tolist() == ["u1", "u2", "u3"]
    assert texts["u1"] == "one" and texts["u2"] == "" and pd.isna(texts["u3"])


def test_the_only_table_is_the_default_and_the_manifest_can_be_named(tmp_path: Path) -> None:
    write_transcripts(tmp_path / "tiny.parquet", transcripts(u3="three", u1="ONE"))
    source, texts = texts_of(manifest(), tmp_path)
    assert source == "tiny"
    assert texts.fillna("-").to_dict() == {"u1": "ONE", "u2": "-", "u3": "three"}
    source, texts = texts_of(manifest(), tmp_path, "manifest")
    assert source == "manifest" and texts["u1"] == "one"


def test_a_transcript_of_other_audio_does_not_count(tmp_path: Path) -> None:
    stale = transcripts(u1="ONE", u2="TWO").assign(content=["c1", "before"])
    write_transcripts(tmp_path / "tiny.parquet", stale)
    _, texts = texts_of(manifest(), tmp_path)
    assert texts.fillna("-").to_dict() == {"u1": "ONE", "u2": "-", "u3": "-"}


def test_several_tables_must_be_chosen_from(tmp_path: Path) -> None:
    for name in ("tiny", "large-v3"):
        write_transcripts(tmp_path / f"{name}.parquet", transcripts(u1=name))
    with pytest.raises(DataError, match=r"large-v3, tiny, manifest; .*--text NAME"):
        texts_of(manifest(), tmp_path)
    assert texts_of(manifest(), tmp_path, "tiny")[1]["u1"] == "tiny"


def test_an_unknown_table_gets_the_nearest_name(tmp_path: Path) -> None:
    write_transcripts(tmp_path / "large-v3.parquet", transcripts(u1="a"))
    with pytest.raises(DataError, match=r"'large-v2' \(did you mean 'large-v3'\?\)"):
        texts_of(manifest(), tmp_path, "large-v2")


def test_missing_texts_are_named_with_the_remedy_and_empty_ones_are_not(tmp_path: Path) -> None:
    source, texts = texts_of(manifest(), tmp_path)
    with pytest.raises(DataError, match=r"1 utterance has no text in 'manifest': u3; .*transcr"):
        require_texts(texts, source)
    require_texts(texts.drop("u3"), source)


def test_transcripts_round_trip(tmp_path: Path) -> None:
    table = transcripts(u1="Get out!", u2="")
    write_transcripts(tmp_path / "new" / "tiny.parquet", table)
    back = read_transcripts(tmp_path / "new" / "tiny.parquet")
    assert [list(flags) for flags in back["flags"]] == [[], ["empty"]]
    assert back["avg_logprob"].dtype == "float32"
    plain = back.drop(columns="flags").astype({"avg_logprob": float, "no_speech_prob": float})
    plain = plain.astype({"compression_ratio": float})
    pd.testing.assert_frame_equal(plain, table.drop(columns="flags").astype(plain.dtypes))


def test_wrong_transcripts_are_not_written(tmp_path: Path) -> None:
    path = tmp_path / "tiny.parquet"
    with pytest.raises(DataError, match="missing or unknown columns: flags"):
        write_transcripts(path, transcripts(u1="a").drop(columns="flags"))
    with pytest.raises(DataError, match="these come twice: u1"):
        write_transcripts(path, pd.concat([transcripts(u1="a"), transcripts(u1="b")]))
    assert list(tmp_path.iterdir()) == []


def test_reading_what_is_no_table_of_transcripts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="medusa transcribe"):
        read_transcripts(tmp_path / "none.parquet")
    (tmp_path / "a.parquet").write_text("x")
    pd.DataFrame({"id": ["u1"]}).to_parquet(tmp_path / "b.parquet")
    for name in ("a", "b"):
        with pytest.raises(DataError, match=f"{name}.parquet: not a table of transcripts"):
            read_transcripts(tmp_path / f"{name}.parquet")
