"""One damaged store is told, and does not keep the commands from the others."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter
from medusa.cache.upkeep.archive import archive
from medusa.cache.verify import verify
from medusa.errors import MedusaError
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.manifest import Manifest
from medusa.manifests.texts import content_of
from medusa.tests.command_line import invoke

WORDS = ["one", "two", "three"]


@pytest.fixture
def stores(tmp_path: Path) -> dict[str, Path]:
    """A workspace of three utterances and five features: of audio, of texts, and of other texts."""
    frame = pd.DataFrame({"id": ["u0", "u1", "u2"], "content": ["c0", "c1", "c2"], "text": WORDS})
    Manifest(frame, LabelScheme("one", ("sad",))).write(tmp_path / "manifest.parquet")
    paths = {}
    said = [content_of(word) for word in WORDS]
    for name, kind, contents in (
        ("heard", "audio", ["c0", "c1", "c2", "c3", "c4"]),
        ("read", "text", said),
        ("words", "text", said),
    ):
        spec = FeatureSpec(
            name, "toy", "local", "1", kind, (1,), "none", "float16", 4, None, preprocessing={}
        )
        paths[name] = tmp_path / "features" / spec.folder
        with StoreWriter(paths[name], spec) as writer:
            for number, content in enumerate(contents):
                writer.append(content, np.full((1, 300, 4), number, np.float32))
    return paths


def run(stores: dict[str, Path], *words: str) -> Result:
    return invoke(stores["heard"].parent.parent, "cache", *words)


def told(result: Result) -> str:
    assert isinstance(result.exception, MedusaError), result.output
    return str(result.exception)


def damage_spec(store: Path) -> Path:
    (store / "spec.json").write_text("{")
    return store / "spec.json"


def cut_index(store: Path) -> Path:
    (record,) = (store / "index").glob("*.parquet")
    record.write_bytes(record.read_bytes()[:-9])
    return record


@pytest.mark.parametrize("damage", [damage_spec, cut_index])
def test_the_healthy_stores_are_listed_and_the_damaged_one_is_told(stores, damage):
    file = damage(stores["read"])
    for words in (("ls",), ("gc", "--dry-run")):
        result = run(stores, *words)
        assert str(file) in told(result) and "damaged" in told(result)
        assert stores["heard"].name in result.stdout and stores["words"].name in result.stdout
        assert stores["read"].name not in result.stdout
    rows = json.loads(run(stores, "ls", "--json").stdout)
    assert [row["store"] for row in rows] == [stores["heard"].name, stores["words"].name]
    damage_spec(stores["words"])
    assert "2 stores could not be used" in told(run(stores, "ls"))


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_damaged_provenance_is_told(stores, content):
    file = stores["heard"] / "provenance.json"
    file.write_text(content) if content else file.unlink()
    said = told(run(stores, "info", "heard"))
    assert str(file) in said and "missing or damaged" in said and "extract again" in said


@pytest.mark.parametrize("damage", [damage_spec, cut_index])
def test_a_store_by_name_is_opened_alone(stores, damage):
    file = damage(stores["read"])
    for name in ("heard", stores["heard"].name, stores["heard"].stem, str(stores["heard"])):
        for words in (("info", name), ("verify", name), ("gc", name, "--dry-run")):
            assert run(stores, *words).exit_code == 0, words
    for name in ("read", stores["read"].stem):  # found by its folder's name
        for word in ("info", "verify"):
            assert str(file) in told(run(stores, word, name))
    assert "no store is called 'herd' (did you mean 'heard'?)" in told(
        run(stores, "verify", "herd")
    )


def test_gc_cleans_the_stores_that_are_whole(stores):
    damage_spec(stores["read"])
    (shard,) = stores["heard"].glob("*/c/0/0")
    shard.write_bytes(b"xx" + shard.read_bytes()[2:])  # of c0, which is used
    frame = pd.DataFrame({"id": ["u0"], "content": ["c0"], "text": ["one"]})
    home = stores["heard"].parent.parent
    Manifest(frame, LabelScheme("one", ("sad",))).write(home / "manifest.parquet")
    result = run(stores, "gc")
    assert str(stores["read"]) in told(result) and str(stores["heard"]) in told(result)
    assert set(FeatureStore.open(stores["words"]).index.rows) == {content_of("one")}
    assert len(FeatureStore.open(stores["heard"])) == 5
    assert f"{2 * 300 * 4 * 2 / 1e6:.1f} MB removed" in result.stderr  # of `words` alone


def test_damaged_features_have_their_ids_and_a_shard_one_line(stores):
    heard, read = (next(stores[name].glob("*/c/0/0")) for name in ("heard", "read"))
    heard.write_bytes(heard.read_bytes()[: 700 * 4 * 2])  # c2 in part, c3 and c4 whole
    read.write_bytes(b"xx" + read.read_bytes()[2:])
    end = "its end is missing or altered; "
    assert told(run(stores, "verify")).splitlines()[1:-1] == [
        f"  {heard}: {end}the checksum differs in 3 of 5 utterances: u2, c3, c4",
        f"  {read}: the checksum differs in 1 of 3 utterances: u0",
    ]
    (stores["heard"].parent.parent / "manifest.parquet").unlink()
    assert "3 of 5 utterances: c2, c3, c4" in told(run(stores, "verify", "heard"))


def test_damage_in_an_archive_is_one_line_too(stores, tmp_path):
    archive(stores["heard"], tmp_path / "cold")
    assert verify(tmp_path / "cold") == []
    (shard,) = (tmp_path / "cold").glob("*/c/0/0")
    shard.write_bytes(b"x" * 100)
    (line,) = verify(tmp_path / "cold", {"c1": "u1"})
    assert line.endswith("the checksum differs in 5 of 5 utterances: c0, u1, c2, c3, c4")
