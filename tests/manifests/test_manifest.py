"""The manifest on disk and in memory."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medusa.errors import ManifestError
from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.manifest import VOTE_COLUMNS

SCHEME = LabelScheme("two", ("sad", "happy"))


def small(**changes: object) -> Manifest:
    columns = {
        "id": ["u1", "u2", "u3"],
        "speaker": ["s1", None, "s2"],
        "split": ["train", "train", "test"],
        "text": ["", "None", None],
        "label": ["sad", None, "happy"],
        "p_sad": [1.0, 0.5, 0.0],
        "p_happy": [0.0, 0.5, 1.0],
        "arousal": [1.0, np.nan, 7.0],
    }
    return Manifest(pd.DataFrame(columns | changes), SCHEME)


def votes() -> pd.DataFrame:
    rows = [
        ("u3", "r1", "happy", ["sad", "other"], 5.0, 4.0, np.nan),
        ("u1", None, "sad", None, np.nan, np.nan, np.nan),
        ("u3", "r2", None, [], 1.0, 2.0, 3.0),
    ]
    return pd.DataFrame(rows, columns=list(VOTE_COLUMNS))


def test_round_trip_with_votes_and_provenance(tmp_path: Path) -> None:
    manifest = small()
    manifest.votes, manifest.provenance = votes(), {"corpus": "x", "split": {"seed": 0}}
    manifest.write(tmp_path / "m.parquet")
    back = Manifest.read(tmp_path / "m.parquet")
    pd.testing.assert_frame_equal(back.frame, manifest.frame)
    assert back.scheme == SCHEME and back.root == tmp_path
    assert back.provenance == {"corpus": "x", "split": {"seed": 0}}
    assert back.digest() == manifest.digest()
    assert back.votes is not None
    assert back.votes["id"].tolist() == ["u1", "u3", "u3"]  # in the order of the rows
    assert back.votes["primary"].fillna("-").tolist() == ["sad", "happy", "-"]
    assert back.votes["rater"].fillna("-").tolist() == ["-", "r1", "r2"]
    secondary = [None if each is None else list(each) for each in back.votes["secondary"]]
    assert secondary == [None, ["sad", "other"], []]
    np.testing.assert_array_equal(back.votes["arousal"], np.float32([np.nan, 5, 1]))
    np.testing.assert_array_equal(back.votes["dominance"], np.float32([np.nan, np.nan, 3]))


def test_round_trip_of_many_row_groups(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": [f"u{number}" for number in range(5000)]})
    many = pd.DataFrame({"id": np.repeat(frame["id"].to_numpy()[::2], 3)}).assign(
        rater="r", primary="sad", secondary=None, arousal=1.0, valence=1.0, dominance=1.0
    )
    Manifest(frame, SCHEME, many).write(tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    pq.write_table(table, tmp_path / "b.parquet", row_group_size=700)
    with pytest.raises(ManifestError, match=r"b\.parquet: .*its bytes differ from the checksum"):
        Manifest.read(tmp_path / "b.parquet")
    kept = {k: v for k, v in table.schema.metadata.items() if k != b"medusa.seal"}
    pq.write_table(table.replace_schema_metadata(kept), tmp_path / "b.parquet", row_group_size=700)
    back = Manifest.read(tmp_path / "b.parquet").votes
    assert back is not None and back["id"].tolist() == many["id"].tolist()


def test_empty_and_word_like_texts_survive(tmp_path: Path) -> None:
    small().write(tmp_path / "m.parquet")
    text = Manifest.read(tmp_path / "m.parquet").frame["text"]
    assert text[0] == "" and text[1] == "None" and pd.isna(text[2])


def test_absent_columns_are_null_and_in_order() -> None:
    frame = Manifest(pd.DataFrame({"id": ["u1"]}), SCHEME).frame
    assert list(frame.columns[:3]) == ["id", "path", "content"]
    assert list(frame.columns[-5:]) == ["p_sad", "p_happy", "arousal", "valence", "dominance"]
    assert frame.drop(columns="id").isna().all(axis=None)


def test_soft_is_in_class_order() -> None:
    np.testing.assert_array_equal(small().soft(), np.float32([[1, 0], [0.5, 0.5], [0, 1]]))


def test_ids_that_come_twice_are_named() -> None:
    with pytest.raises(ManifestError, match="these come twice: u1"):
        small(id=["u1", "u2", "u1"])


def test_unknown_columns_are_named() -> None:
    with pytest.raises(ManifestError, match="not manifest columns: mood"):
        small(mood=1)


def test_split_keeps_the_votes_of_its_rows() -> None:
    manifest = small()
    manifest.votes = votes()
    test = manifest.split("test")
    assert test.frame["id"].tolist() == ["u3"]
    assert test.votes is not None and test.votes["id"].tolist() == ["u3", "u3"]
    assert len(manifest.split("train", "test")) == 3


def test_split_says_what_there_is() -> None:
    with pytest.raises(ManifestError, match="no row is in split dev; the splits are train, test"):
        small().split("train", "dev")
    with pytest.raises(ManifestError, match="medusa manifest split random"):
        small(split=None).split("train")


def test_digest_changes_with_a_row_and_with_the_scheme() -> None:
    one = small()
    assert one.digest() == small().digest()
    assert one.digest() != small(text=["a", "None", None]).digest()
    other = Manifest(one.frame[["id", "text"]], LabelScheme("two", ("happy", "sad")))
    assert other.digest() != Manifest(one.frame[["id", "text"]], SCHEME).digest()


def test_audio_path_is_relative_to_the_manifest(tmp_path: Path) -> None:
    manifest = small()
    manifest.root = tmp_path
    assert manifest.audio_path("../wav/a.wav") == tmp_path / "../wav/a.wav"


def test_votes_for_unknown_ids_are_refused(tmp_path: Path) -> None:
    manifest = small()
    manifest.votes = votes().replace({"id": {"u1": "u9"}})
    with pytest.raises(ManifestError, match="unknown ids: u9"):
        manifest.write(tmp_path / "m.parquet")
    assert list(tmp_path.iterdir()) == []


def test_reading_what_is_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="medusa manifest import CORPUS PATH"):
        Manifest.read(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("not parquet")
    with pytest.raises(ManifestError, match="not a readable Parquet file"):
        Manifest.read(tmp_path / "text.parquet")
    pq.write_table(pa.table({"id": ["u1"]}), tmp_path / "other.parquet")
    with pytest.raises(ManifestError, match="no label scheme inside"):
        Manifest.read(tmp_path / "other.parquet")
