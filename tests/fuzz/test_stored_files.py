"""Damaged files of a workspace, and damaged exports: one sentence, and nothing outside."""

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medusa.cache import FeatureSpec, StoreWriter, open_all
from medusa.cache.exchange import FORMATS, convert
from medusa.cache.info import describe, folders
from medusa.cache.layout import CHECKSUMS
from medusa.cache.verify import verify
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.audit.findings import Subject
from medusa.manifests.texts import TRANSCRIPTS, read_transcripts, write_transcripts
from medusa.recipes.state import State
from medusa.scoring import Predictions
from medusa.tests.fuzz.judge import each_seed, judged, judged_inside
from medusa.tests.fuzz.mutate import one_damaged
from medusa.workspace import Workspace

IDS = [f"u{number}" for number in range(6)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a workspace with a file of every kind."""
    import pandas as pd

    home = tmp_path_factory.mktemp("made") / "ws"
    frame = pd.DataFrame({"id": IDS, "content": IDS, "label": ["sad", "glad"] * 3})
    Manifest(frame, LabelScheme("two", ("glad", "sad"))).write(home / "manifest.parquet")
    texts = {name: [None] * 6 for name in TRANSCRIPTS.names} | {"id": IDS, "text": IDS}
    write_transcripts(home / "transcripts" / "tiny.parquet", pd.DataFrame(texts))
    for dtype in ("float16", "int8"):
        spec = FeatureSpec(dtype, "toy", "local", "1", "audio", (3,), "none", dtype, 4, 0.02, {})
        with StoreWriter(home / "features" / spec.folder, spec, {"torch": "2"}) as writer:
            for number, content in enumerate(IDS):
                values = np.random.default_rng(number).normal(size=(1, number + 1, 4))
                writer.append(content, values.astype(np.float32))
    run = RunDir(home / "runs" / "a")
    run.start({"kind": "head", "classes": ["glad", "sad"], "features": [], "members": []})
    run.log(epoch=1, seconds=2.0)
    run.write_json("summary.json", {"notes": [], "dev_macro_f1": 0.5})
    logits = np.zeros((6, 2), np.float32)
    predictions = Predictions.of(IDS, ["dev"] * 6, logits, None, ("glad", "sad"), run.digest())
    predictions.write(run.path / "predictions.parquet")
    state = State.read(Workspace.open(home), "toy", False)
    state.begin(None, "error")
    return home


def _stores(home: Path) -> None:
    for path in folders(home / "features"):
        verify(path)
    for store in open_all(home / "features"):
        describe(store)
        store.read(list(store.index.rows)).to("cpu")


def _run(home: Path) -> None:
    run = RunDir(home / "runs" / "a")
    run.config(), run.metrics(), run.read_json("summary.json"), run.digest()
    Predictions.read(run.path / "predictions.parquet").posteriors()


def _corpus(home: Path) -> None:
    Manifest.read(home / "manifest.parquet").digest()
    Subject.read(home / "manifest.parquet", home / "transcripts")
    read_transcripts(home / "transcripts" / "tiny.parquet")


# A kind of file -> the pattern of its files, and the function that reads them.
KINDS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "stores": ("features/**/*", _stores),
    "runs": ("runs/a/*", _run),
    "corpus": ("*.parquet", _corpus),
    "transcripts": ("transcripts/*.parquet", _corpus),
    "states": (
        "recipes/toy/state.json",
        lambda home: State.read(Workspace.open(home), "toy", False) and None,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_of_a_workspace(made: Path, tmp_path: Path, kind: str) -> None:
    pattern, read = KINDS[kind]
    home = tmp_path / "ws"
    shutil.copytree(made, home)
    files = sorted(one for one in home.glob(pattern) if one.is_file() and one.name != CHECKSUMS)
    read(home)
    for _ in one_damaged(files, each_seed(120, 4.0, share=2 * len(KINDS))):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            judged(lambda: read(home))
    read(home)


@pytest.mark.parametrize("form", FORMATS)
def test_damaged_exports(made: Path, tmp_path: Path, form: str) -> None:
    [store] = (made / "features").glob("float16*")
    features, export = tmp_path / "ws" / "features", tmp_path / "export"
    convert.export(store, export, form)
    files = [export] if export.is_file() else sorted(one for one in export.rglob("*.*"))
    for _ in one_damaged(files, each_seed(80, 3.0, share=2 * len(FORMATS))):
        judged_inside(tmp_path, features, lambda: convert.import_(export, features, force=True))
