"""A small workspace with made-up features, and the recipe about them that tests run."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.cache import FeatureSpec, StoreWriter
from medusa.manifests import LabelScheme, Manifest
from medusa.recipes import find_runs
from medusa.recipes.definition.load import load
from medusa.recipes.options import RecipeOptions
from medusa.recipes.state import State
from medusa.tests.command_line import call as call_command
from medusa.workspace import Workspace

SETTINGS = """
title: toy
config: small
set:
  {head.width: 8, head.feedforward: 8, train.batch: 8, train.draws: 2,
   stages.0.epochs: 1, stages.1.epochs: 1}
features: {loud: {}, glad: {}}
"""
RECIPE = (
    SETTINGS
    + """\
heads:
  a: {features: [loud, glad], published: {macro_f1: 0.5}}
  b: {features: [glad], set: {seed: 1}}
  c: {features: [loud], set: {seed: 2}}
stacks: {soup: {seeds: 2}, vote: {method: majority}, best: {method: soft, top: 2}}
ablations: {plain: {title: without MixUp, set: {mixup.p: 0.0}, heads: [a, b]}}
main: soup
"""
)
CLASSES = ("angry", "happy", "sad")


def rows_of(labels: npt.NDArray[np.int64], classes: tuple[str, ...], speakers: int) -> pd.DataFrame:
    """Return a row for each label, with votes for it and no split; the speakers take turns."""
    count = len(labels)
    frame = pd.DataFrame({"id": [f"u{i}" for i in range(count)]})
    frame["content"] = [f"audio{i}" for i in range(count)]
    frame["speaker"] = [f"s{i % speakers}" for i in range(count)]
    frame["label"] = [classes[label] for label in labels]
    frame[[f"p_{name}" for name in classes]] = np.eye(len(classes))[labels]
    return frame


def splits_of(count: int) -> list[str]:
    """Return the splits of twelve speakers who take turns."""
    return [["train", "train", "dev", "test"][i % 12 // 3] for i in range(count)]


def write_store(
    home: Path,
    name: str,
    contents: Iterable[str],
    values_of: Callable[[int], npt.NDArray[np.floating]],
    revision: str = "1",
    source: str = "audio",
) -> None:
    """Write a store in which the n-th content has the values `values_of(n)`, (1, frames, 6)."""
    shift = 0.02 if source == "audio" else None
    spec = FeatureSpec(
        name, "toy", "local", revision, source, (1,), "none", "float32", 6, shift, preprocessing={}
    )
    with StoreWriter(home / "features" / spec.folder, spec) as writer:
        for number, content in enumerate(contents):
            writer.append(content, values_of(number).astype(np.float32))


def make_home(root: Path) -> Path:
    """Fill a folder with two modalities, each telling half of the class, and a recipe."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 84)
    frame = rows_of(labels, CLASSES, 12)
    frame["split"] = splits_of(len(frame))
    frame[["arousal", "valence", "dominance"]] = rng.uniform(1, 7, (len(frame), 3))
    Manifest(frame, LabelScheme("toy", CLASSES)).write(root / "manifest.parquet")
    for name, told in (("loud", 0), ("glad", 1)):
        write_store(
            root,
            name,
            frame["content"],
            lambda number, told=told: (
                rng.normal(size=(1, rng.integers(1, 9), 6)) + 2 * (labels[number] == told)
            ),
        )
    (root / "toy.yaml").write_text(RECIPE)
    return root


def call(home: Path, *words: str) -> str:
    """Run a command about the toy recipe, and return what it prints."""
    return call_command(home, words[0], home / "toy.yaml", *words[1:]).output


def runs(home: Path) -> dict[str, str]:
    """Return task -> run, of all runs that are up to date by their identities."""
    workspace = Workspace.open(home)
    state = State.read(workspace, "toy", False)
    options = RecipeOptions(text=state.text, missing=state.missing)
    recipe = load(str(home / "toy.yaml"))
    found = find_runs.find_runs(workspace, recipe, options, state.runs)
    return found.heads | found.stacks


def last_runs(home: Path) -> dict[str, str]:
    """Return task -> the last run, as the state stores it."""
    return json.loads((home / "recipes" / "toy" / "state.json").read_text())["runs"]
