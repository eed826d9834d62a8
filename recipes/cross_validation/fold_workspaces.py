"""The workspaces of the folds: each has its own manifest, and all share features and runs."""

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from medusa.console import say
from medusa.lock import SHORT_S, locked
from medusa.manifests import Manifest
from medusa.manifests.near_copies.keep import read_with_near_copies
from medusa.manifests.splits.absent_classes import absent_classes, fewest_rows
from medusa.manifests.splits.cross_validation import FoldPlan, complete, fold_manifests
from medusa.seal import read_sealed_json, write_sealed_json
from medusa.workspace import Workspace

FOLDER, FILE = "cross-validation", "folds.json"
REMEDY = "remove it and run the same command again: finished runs are kept"


@dataclass(frozen=True)
class Folds:
    """The folds of one plan.

    Attributes:
        plan: the choices, with the number of folds.
        folder: the folder of their manifests, runs and results.
        workspaces: the workspace of every fold by its name, such as `fold-03`.
        notes: sentences about the classes that a fold lacks.
    """

    plan: FoldPlan
    folder: Path
    workspaces: dict[str, Workspace]
    notes: list[str]


def make_folds(workspace: Workspace, plan: FoldPlan) -> Folds:
    """Return the folds of a plan; their manifests are written if the corpus has changed.

    Args:
        workspace: with a manifest, whose own split is not read.
        plan: the choices.

    Raises:
        ManifestError: there is no manifest, or it cannot be divided by the plan.
    """
    manifest = read_with_near_copies(workspace.manifest)
    plan = complete(manifest, plan)
    folder = workspace.root / FOLDER / folder_name(plan)
    paths = {f"fold-{n:02}": folder / f"fold-{n:02}.parquet" for n in range(1, (plan.k or 0) + 1)}
    source = {"plan": asdict(plan), **_digests(manifest)}
    with locked(folder, "making these folds", SHORT_S):
        stored = _stored(folder / FILE)
        if stored.get("source") != source or not all(path.exists() for path in paths.values()):
            folds = [moved_to(folder, one) for one in fold_manifests(manifest, plan)]
            for path, one in zip(paths.values(), folds, strict=True):
                one.write(path)
            stored = {"source": source, "notes": _notes(folds)}
            write_sealed_json(folder / FILE, stored)
            for note in stored["notes"]:
                say(note)
    workspaces = {
        name: replace(workspace, manifest=path, runs=folder / "runs")
        for name, path in paths.items()
    }
    return Folds(plan, folder, workspaces, stored["notes"])


def folder_name(plan: FoldPlan) -> str:
    """Return the name of a plan's folder, such as `speaker-10`; other choices are in it, too."""
    word = plan.by
    if not re.fullmatch(r"\w+", word):
        word = f"ids-{hashlib.sha256(word.encode()).hexdigest()[:8]}"
    default = FoldPlan()
    dev = "" if plan.dev == default.dev else f"-dev{plan.dev:g}"
    seed = "" if plan.seed == default.seed else f"-seed{plan.seed}"
    return f"{word}-{plan.k}{dev}{seed}"


def moved_to(folder: Path, manifest: Manifest) -> Manifest:
    """Return a manifest whose paths are relative to another folder."""
    root, target = manifest.root.resolve(), folder.resolve()
    paths = manifest.frame["path"].map(
        lambda path: os.path.relpath(root / path, target), na_action="ignore"
    )
    return replace(manifest, frame=manifest.frame.assign(path=paths), root=folder)


def _digests(manifest: Manifest) -> dict[str, str]:
    """Return digests of everything in a manifest but its split."""
    unsplit = replace(manifest, frame=manifest.frame.assign(split=None))
    votes = "" if manifest.votes is None else manifest.votes.to_json()
    others = json.dumps({**manifest.provenance, "split": None}, sort_keys=True)
    further = hashlib.sha256(f"{votes}{others}".encode()).hexdigest()[:16]
    return {"manifest": unsplit.digest(), "votes_and_provenance": further}


def _stored(path: Path) -> dict[str, Any]:
    return read_sealed_json(path, REMEDY) if path.exists() else {}


def _notes(folds: list[Manifest]) -> list[str]:
    """Return a sentence for every split of a fold that lacks a class, and the fewest rows."""
    absent = [
        f"In fold {number}, {sentence}."
        for number, one in enumerate(folds, 1)
        for sentence in absent_classes(one)
    ]
    return [*absent, fewest_rows(folds)]
