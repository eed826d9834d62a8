"""The commands, as a user gives them: ids, other people's folders, what is kept and why."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter
from medusa.cache.verify import verify
from medusa.errors import MedusaError
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.manifest import Manifest
from medusa.manifests.texts import content_of, write_transcripts
from medusa.tests.command_line import call

SCHEME = LabelScheme("two", ("angry", "happy"))
TEXTS = ["hello", "hello", "no", "yes"]


@pytest.fixture
def workspace(tmp_path) -> Path:
    """Four utterances, audio and text features of one corpus, with two features too many."""
    ids = ["u0", "u1", "a/u2", "u3"]
    frame = pd.DataFrame({"id": ids, "content": [f"c{i}" for i in range(4)], "text": TEXTS})
    Manifest(frame, SCHEME).write(tmp_path / "manifest.parquet")
    fill(tmp_path, "audio", [f"c{i}" for i in range(6)])
    fill(tmp_path, "text", [content_of(text) for text in ("hello", "no", "yes", "heard", "old")])
    return tmp_path


def fill(root: Path, kind: str, contents: list[str]) -> Path:
    spec = FeatureSpec(
        f"of-{kind}", "toy", "local", "1", kind, (1,), "none", "float16", 4, None, preprocessing={}
    )
    with StoreWriter(root / "features" / spec.folder, spec) as writer:
        for number, content in enumerate(contents):
            values = np.random.default_rng(number).normal(size=(1, 3 + number, 4))
            writer.append(content, values.astype(np.float32))
    return root / "features" / spec.folder


def run(root: Path, *words: object) -> str:
    return call(root, "cache", *words).output


@pytest.mark.parametrize("form", ["hdf5", "npy", "safetensors", "arrow"])
def test_export_and_import(workspace, form):
    out = workspace / "out"
    assert "6 utterances, 33 frames" in run(workspace, "export", "of-audio", out, "--format", form)
    with pytest.raises(MedusaError, match="exists already"):
        run(workspace, "import", out)
    if out.is_dir():
        with pytest.raises(MedusaError, match="this is an export; `medusa cache import` makes"):
            run(workspace, "import-npy", out, "--backbone", "mine")
    shutil.move(workspace / "features", workspace / "elsewhere")
    run(workspace, "import", out)
    (store,) = (workspace / "features").iterdir()
    assert store.name.startswith("of-audio") and verify(store) == []
    assert len(FeatureStore.open(store)) == 6


def test_npy_by_id_is_the_published_layout(workspace):
    said = run(workspace, "export", "of-audio", workspace / "npy", "--format", "npy", "--by", "id")
    assert "2 utterances are not in" in said
    names = sorted(path.name for path in (workspace / "npy").glob("*.npy"))
    assert names == ["a%2Fu2.npy", "u0.npy", "u1.npy", "u3.npy"]
    run(workspace, "export", "of-text", workspace / "t", "--format", "npy", "--by", "id")
    one, other = (np.load(workspace / "t" / f"u{i}.npy") for i in (0, 1))
    assert np.array_equal(one, other) and one.shape == (3, 4)  # both say hello
    with pytest.raises(MedusaError, match="--by id"):
        run(workspace, "export", "of-audio", workspace / "x", "--format", "arrow", "--by", "id")


def foreign(folder: Path) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=(5, 3)).astype(np.float32) for name in ("u0", "u1", "zzz")}
    values["a%2Fu2"] = rng.normal(size=(1, 7, 3)).astype(np.float32)
    values["c3"] = rng.normal(size=3).astype(np.float32)
    folder.mkdir()
    for name, array in values.items():
        np.save(folder / f"{name}.npy", array)
    return values


def test_a_foreign_folder_becomes_a_store(workspace):
    values = foreign(workspace / "theirs")
    (workspace / "theirs.h5").write_bytes(b"")
    for name in ("theirs", "theirs.h5"):
        with pytest.raises(MedusaError, match=f"{name}: this is no export.*import-npy"):
            run(workspace, "import", workspace / name)
    with pytest.raises(MedusaError, match="no such file or folder"):
        run(workspace, "import", workspace / "thiers")
    words = ("import-npy", workspace / "theirs", "--backbone", "emo2vec")
    said = run(workspace, *words)
    assert "4 utterances are imported" in said and "1 file does not belong" in said
    assert "zzz.npy" in said
    (path,) = (workspace / "features").glob("emo2vec-*.zarr")
    store = FeatureStore.open(path)
    for content, name in {"c0": "u0", "c1": "u1", "c2": "a%2Fu2", "c3": "c3"}.items():
        assert np.array_equal(store.read([content]).values, values[name].reshape(-1, 3))
    assert verify(path) == [] and store.spec.input == "audio" and store.spec.width == 3
    # other numbers are another spec, the same ones the same
    np.save(workspace / "theirs" / "u0.npy", values["u0"] + 1)
    run(workspace, *words)
    assert len(list((workspace / "features").glob("emo2vec-*.zarr"))) == 2


def test_all_foreign_files_that_do_not_fit_are_named(workspace):
    foreign(workspace / "theirs")
    np.save(workspace / "theirs" / "u0.npy", np.zeros((2, 9), np.float32))
    np.save(workspace / "theirs" / "u1.npy", np.zeros((2, 3), int))
    words = ("import-npy", workspace / "theirs", "--backbone", "x")
    with pytest.raises(MedusaError, match="2 files do not fit") as caught:
        run(workspace, *words)
    for message in ("u0.npy: the width is 9; expected 3", "u1.npy: the values are int64"):
        assert message in str(caught.value)
    (workspace / "theirs" / "a%2Fu2.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(MedusaError, match=r"3 files do not fit:\n.*\n.*a%2Fu2\.npy: "):
        run(workspace, *words)
    assert not list((workspace / "features").glob("x-*"))


@pytest.mark.parametrize(
    ("given", "stored"), [("float16", "float16"), ("float32", "float32"), ("float64", "float32")]
)
def test_foreign_text_features_keep_their_number_format(workspace, given, stored):
    (workspace / "theirs").mkdir()
    for name in ("u0", "u2", "u3"):
        np.save(workspace / "theirs" / f"{name}.npy", np.full((2, 5), 1.5, given))
    run(workspace, "import-npy", workspace / "theirs", "--backbone", "mine", "--text", "manifest")
    (path,) = (workspace / "features").glob("mine-*.zarr")
    store = FeatureStore.open(path)
    assert (store.spec.dtype, store.spec.width, store.spec.input) == (stored, 5, "text")
    assert set(store.index.rows) == {content_of("hello"), content_of("yes")}
    assert store.read([content_of("yes")]).values.tolist() == [[1.5] * 5] * 2


def test_gc_keeps_what_any_manifest_or_transcript_uses(workspace):
    heard = {
        "id": ["u0", "u1"],
        "content": ["c0", "another recording"],
        "text": ["heard", "old"],
        **dict.fromkeys(["language", "avg_logprob", "no_speech_prob", "compression_ratio"]),
        "flags": [[], []],
    }
    write_transcripts(workspace / "transcripts" / "whisper.parquet", pd.DataFrame(heard))
    other = Manifest(pd.DataFrame({"id": ["x"], "content": ["c5"]}), SCHEME)
    other.write(workspace / "other" / "manifest.parquet")
    words = ("gc", "--manifest", workspace / "other" / "manifest.parquet")
    before = {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()}
    rows = json.loads(run(workspace, *words, "--dry-run", "--json").rpartition("]")[0] + "]")
    assert {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()} == before
    assert [(row["utterances"], row["unused"]) for row in rows] == [(6, 1), (5, 1)]
    assert rows[0]["unused_bytes"] == (3 + 4) * 4 * 2  # c4
    assert "could be removed" in run(workspace, *words, "--dry-run")
    run(workspace, *words)
    audio, text = sorted((workspace / "features").iterdir())
    assert sorted(FeatureStore.open(audio).index.rows) == ["c0", "c1", "c2", "c3", "c5"]
    kept = {content_of(said) for said in ("hello", "no", "yes", "heard")}
    assert set(FeatureStore.open(text).index.rows) == kept
    assert "0.0 MB removed" in run(workspace, *words)


def test_gc_without_any_manifest_removes_nothing(workspace):
    (workspace / "manifest.parquet").unlink()
    with pytest.raises(MedusaError, match="no manifest"):
        run(workspace, "gc")
    assert len(FeatureStore.open(next((workspace / "features").glob("of-audio*")))) == 6


def test_archive_restore_and_merge(workspace):
    (path,) = (workspace / "features").glob("of-audio*")
    files = {p.relative_to(path): p.read_bytes() for p in path.rglob("*") if p.is_file()}
    run(workspace, "archive", "of-audio", workspace / "cold")
    with pytest.raises(MedusaError, match="--force"):
        run(workspace, "restore", workspace / "cold")
    shutil.rmtree(path)
    run(workspace, "restore", workspace / "cold")
    assert {p.relative_to(path): p.read_bytes() for p in path.rglob("*") if p.is_file()} == files
    elsewhere = fill(workspace / "b", "audio", [f"c{i}" for i in range(4, 9)])
    with pytest.raises(MedusaError, match="--force"):
        run(workspace, "merge", "of-audio", elsewhere)
    said = run(workspace, "merge", "of-audio", elsewhere, "--force")
    assert "9 utterances; 2 were in several stores, 2 of them with different values" in said
    assert len(FeatureStore.open(path)) == 9 and verify(path) == []
