"""`medusa matrix`: every cell equals a count by hand, and a missing cell has its reason."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.metrics import f1_score, recall_score

import medusa
from medusa.cache import FeatureSpec, StoreWriter
from medusa.ensemble.apply import apply
from medusa.errors import ConfigError, ManifestError
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import LabelScheme, Manifest
from medusa.recipes.corpus_matrix.class_names import pair_map, read_names, shared_names
from medusa.recipes.corpus_matrix.matrix import CorpusMatrix
from medusa.tests.command_line import call
from medusa.workspace import Workspace

CORPORA = {
    "a": ("anger", "joy", "sadness"),
    "b": ("sad", "calm", "angry", "happy"),
    "c<i>": ("happy", "sad", "angry"),
}
NAMES = {"anger": "angry", "joy": "happy", "sadness": "sad"}
HEAD = ("head.name=discriminant",)


def make_corpus(root: Path, classes: tuple[str, ...], seed: int, with_features: bool) -> None:
    """60 utterances of 10 speakers, whose features tell the class as far as noise allows."""
    root.mkdir()
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(classes), 60)
    frame = pd.DataFrame({"id": [f"u{n}" for n in range(60)]})
    frame["content"] = [f"{seed}-{n}" for n in range(60)]
    frame["speaker"] = [f"s{n % 10}" for n in range(60)]
    frame["split"] = ["train" if n % 10 < 5 else "dev" if n % 10 < 7 else "test" for n in range(60)]
    frame["label"] = [classes[label] for label in labels]
    columns = [f"p_{name}" for name in classes]
    frame[columns] = np.eye(len(classes))[labels]
    Manifest(frame, LabelScheme("toy", classes)).write(root / "manifest.parquet")
    if not with_features:
        return
    means = {"angry": (2, 0, 0), "happy": (0, 2, 0), "sad": (0, 0, 2), "calm": (1, 1, 1)}
    spec = FeatureSpec("toy", "toy", "local", "1", "audio", (1,), "none", "float32", 3, 0.02, {})
    with StoreWriter(root / "features" / spec.folder, spec) as writer:
        for content, label in zip(frame["content"], frame["label"], strict=True):
            values = rng.normal(means[NAMES.get(label, label)], 1.2, (1, 4, 3))
            writer.append(content, values.astype(np.float32))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with three corpora, of which the last one has no features."""
    folder = tmp_path_factory.mktemp("corpora")
    for seed, (name, classes) in enumerate(CORPORA.items()):
        make_corpus(folder / name, classes, seed, with_features=name != "c<i>")
    return folder


@pytest.fixture(scope="module")
def found(root: Path) -> CorpusMatrix:
    workspaces = [Workspace.open(root / name) for name in CORPORA]
    return medusa.corpus_matrix(workspaces, settings=HEAD, features=["toy"])


def count_by_hand(root: Path, trained: str, tested: str) -> tuple[float, float, int]:
    """Return macro-F1, UAR and number of utterances from the head's logits."""
    target = Workspace.open(root / tested)
    manifest = Manifest.read(target.manifest).split("test")
    run = RunDir(root / trained / "runs" / "toy-small-s0")
    predictions = apply(run, manifest, target)
    common = [NAMES.get(name, name) for name in predictions.classes]
    posteriors = softmax(predictions.logits(), axis=1)
    kept = [number for number, name in enumerate(common) if name != "calm"]
    guesses = [common[kept[row.argmax()]] for row in posteriors[:, kept]]
    labels = manifest.frame.set_index("id").loc[predictions.ids, "label"].replace(NAMES)
    rows = [(t, g) for t, g in zip(labels, guesses, strict=True) if t != "calm"]
    truth, chosen = zip(*rows, strict=True)
    return (
        f1_score(truth, chosen, average="macro"),
        recall_score(truth, chosen, average="macro"),
        len(rows),
    )


def test_cells_equal_a_count_by_hand(root: Path, found: CorpusMatrix) -> None:
    assert found.classes == ["angry", "happy", "sad"]
    values = {(cell.trained, cell.tested): cell for cell in found.cells}
    assert len(values) == 9
    for trained in "ab":
        for tested in "ab":
            cell, (f1, _, n) = values[trained, tested], count_by_hand(root, trained, tested)
            assert cell.value == pytest.approx(f1) and cell.n == n
            assert cell.interval is not None and cell.interval[0] <= f1 <= cell.interval[1]
    assert values["a", "b"].value != values["b", "a"].value
    assert values["a", "b"].map == {"anger": "angry", "joy": "happy", "sadness": "sad"}
    assert values["b", "a"].map == {
        "sad": "sadness",
        "calm": None,
        "angry": "anger",
        "happy": "joy",
    }


def test_missing_cells_have_their_reason(found: CorpusMatrix) -> None:
    missing = {(cell.trained, cell.tested): cell.reason for cell in found.cells if cell.reason}
    others = {("a", "c<i>"), ("b", "c<i>"), ("c<i>", "a"), ("c<i>", "b"), ("c<i>", "c<i>")}
    assert set(missing) == others
    assert all("no features" in reason or "toy" in reason for reason in missing.values())


def test_the_command_prints_and_draws_every_cell(root: Path, tmp_path: Path) -> None:
    words = [str(root / name) for name in CORPORA]
    run = ("--run", "toy-small-s0", "--score", "uar", "-o", str(tmp_path / "m.svg"))
    text = call(tmp_path, "matrix", *words, *run, "--format", "markdown").stdout
    _, uar, n = count_by_hand(root, "b", "a")
    row = next(line for line in text.splitlines() if line.startswith("| b | a |"))
    assert row.startswith(f"| b | a | {uar:.3f} |") and f"| {n} |" in row
    assert "| c&lt;i> | a | none |" in text and "no run 'toy-small-s0'" in text
    loaded = json.loads(call(tmp_path, "matrix", *words, *run, "--json").stdout)
    assert [cell["value"] is None for cell in loaded["cells"]] == [0, 0, 1] * 2 + [1] * 3
    tree = ET.parse(tmp_path / "m.svg")
    drawn = ["".join(node.itertext()) for node in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert f"{uar:.3f}" in drawn and drawn.count("none") == 5 and drawn.count("c<i>") == 2


def test_class_names_are_stated_and_checked() -> None:
    names = read_names("calm=neutral, FED_UP=angry")
    assert names["joy"] == "happy" and names["calm"] == "neutral" and names["fed_up"] == "angry"
    with pytest.raises(ConfigError, match="expected CLASS=NAME, found 'calm'"):
        read_names("calm")
    corpora = {"x": ("joy", "fear"), "y": ("happy", "anger")}
    with pytest.raises(ManifestError, match="at least two classes of all corpora, found happy"):
        shared_names(corpora, names)
    with pytest.raises(ManifestError, match="no corpus has bored"):
        shared_names(corpora, names, ("happy", "bored"))
    assert shared_names(corpora, names, ("happy", "fear")) == ("happy", "fear")
    with pytest.raises(ManifestError, match="the tested corpus has no fear"):
        pair_map(corpora["x"], corpora["y"], names, ("happy", "fear"))
    with pytest.raises(ManifestError, match="several classes of the tested corpus mean happy"):
        pair_map(("joy", "sad"), ("happy", "excited", "sad"), names, ("happy", "sad"))


def test_one_workspace_is_no_matrix(root: Path) -> None:
    with pytest.raises(ConfigError, match="at least two workspaces"):
        medusa.corpus_matrix([Workspace.open(root / "a")])
