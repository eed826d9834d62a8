"""Names in files from elsewhere never lead out of the folder that they are joined to."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from medusa.cache import FeatureSpec, StoreWriter
from medusa.cache.exchange import FORMATS, convert, seal
from medusa.cache.layout import CHECKSUMS, SPEC, canonical, checksum
from medusa.cache.upkeep.archive import archive, restore
from medusa.cache.upkeep.gc import clean
from medusa.cache.upkeep.merge import merge
from medusa.cache.upkeep.waste import survey
from medusa.errors import ConfigError, StoreError
from medusa.heads.runs.run_dir import RunDir, new_run
from medusa.tests.command_line import invoke
from medusa.workspace import remove

VALID = FeatureSpec("toy", "toy", "local", "1", "audio", (3,), "none", "float16", 4, 0.02, {})
PATHS = ["../../x", "/x", "a/b", "..", ".", "", ".hidden", "a\\b", "a\0b", "n" * 200]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """Make a store inside the workspace `ws`, and check that nothing appears beside `ws`."""
    path = tmp_path / "ws" / "features" / VALID.folder
    with StoreWriter(path, VALID, {}) as writer:
        for number in range(5):
            writer.append(f"c{number}", np.full((1, 3, 4), number, np.float32))
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "x").write_text("s3cret")
    before = set(tmp_path.iterdir())
    yield path
    assert set(tmp_path.iterdir()) == before
    assert (tmp_path / "secret" / "x").read_text() == "s3cret"


def named(store: Path, backbone: str) -> None:
    """Give a store another backbone, with right checksums."""
    values = VALID.to_dict() | {"backbone": backbone}
    (store / SPEC).write_bytes(canonical(values))
    sums = json.loads((store / CHECKSUMS).read_bytes()) | {SPEC: checksum(canonical(values))}
    (store / CHECKSUMS).write_bytes(canonical(sums))


@pytest.mark.parametrize("name", PATHS)
def test_a_path_is_no_name_of_a_backbone(name: str) -> None:
    with pytest.raises(StoreError, match="backbone is"):
        replace(VALID, backbone=name)


@pytest.mark.parametrize("name", PATHS[:-1])
def test_a_path_is_no_name_of_a_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="expected one word"):
        new_run(tmp_path, name)


def test_restoring_and_merging_write_inside_the_workspace(store: Path) -> None:
    features, cold = store.parent, store.parent / "cold"
    archive(store, cold)
    named(cold, "../../x")
    named(store, "../../x")
    for word in (("restore", cold), ("merge", store), ("export", store, "--format", "arrow")):
        done = invoke(
            features.parent, "cache", *word, *([features / "o"] if word[0] == "export" else [])
        )
        assert isinstance(done.exception, StoreError) and "'../../x'" in str(done.exception)


@pytest.mark.parametrize("form", FORMATS)
def test_imports_write_inside_the_workspace(
    store: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, out = store.parent, store.parent / "out"
    with monkeypatch.context() as patch:  # The export of a hostile program is valid otherwise.
        seals = seal.seal_header

        def hostile(values: dict[str, Any]) -> dict[str, Any]:
            return seals(values | {"spec": values["spec"] | {"backbone": "../../x"}})

        for module in ("hdf5", "arrow", "sidecar"):
            patch.setattr(f"medusa.cache.exchange.{module}.seal_header", hostile)
        convert.export(store, out, form)
    with pytest.raises(StoreError, match="backbone is"):
        convert.import_(out, features)


@pytest.mark.parametrize("form", ["npy", "safetensors"])
@pytest.mark.parametrize("file", ["../secret.npy", "/etc/passwd", None])
def test_an_export_names_files_inside_its_folder(store: Path, form: str, file: str | None) -> None:
    out = store.parent / "out"
    convert.export(store, out, form)
    table = pq.read_table(out / "features.parquet")
    column = table.schema.get_field_index("file")
    names = [*table["file"].to_pylist()[:-1], file]
    pq.write_table(
        table.set_column(column, table.schema.field("file"), [names]), out / "features.parquet"
    )
    with pytest.raises(StoreError, match="is no file in"):
        convert.import_(out, store.parent, store.parent / "new")


@pytest.mark.parametrize("name", ["provenance.json", "index/secret.parquet", "index/folder"])
def test_links_in_an_archive_are_refused(store: Path, name: str) -> None:
    cold, secret = store.parent / "cold", store.parents[2] / "secret"
    archive(store, cold)
    (cold / name).unlink(missing_ok=True)
    os.symlink(secret if name.endswith("folder") else secret / "x", cold / name)
    with pytest.raises(StoreError, match="this is a link"):
        restore(cold, store.parent / "back.zarr")
    assert not (store.parent / "back.zarr").exists()


def test_gc_removes_nothing_through_a_link(store: Path) -> None:
    outside = store.parents[2] / "secret"
    (store / "layer_3" / "c").rename(store / "layer_3" / "real")
    os.symlink(outside, store / "layer_3" / "c")
    with pytest.raises(StoreError, match="this is a link"):
        clean(survey(store, set(), 0))


def test_force_on_a_run_that_is_a_link_removes_the_link(store: Path) -> None:
    runs, target = store.parents[1] / "runs", store.parents[2] / "secret"
    runs.mkdir()
    os.symlink(target, runs / "a")
    run = RunDir(runs / "a")
    assert run.start({"kind": "head"}, force=True)
    assert not run.path.is_symlink() and run.exists and (target / "x").exists()


def test_a_link_that_leads_nowhere_is_removed(tmp_path: Path) -> None:
    os.symlink(tmp_path / "nowhere", tmp_path / "a")
    remove(tmp_path / "a")
    assert not os.path.lexists(tmp_path / "a")


def test_merging_a_store_by_its_own_name(store: Path) -> None:
    with pytest.raises(StoreError, match="exists already"):
        merge([store, store], store.parent, None)
