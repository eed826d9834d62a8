"""The test predictions of all folds as one table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.manifests import Manifest
from medusa.recipes.cross_validation.fold_workspaces import Folds
from medusa.recipes.find_runs import RecipeRuns
from medusa.scoring import Predictions, training_prior


def systems_of(
    folds: Folds, runs: Mapping[str, RecipeRuns], problems: dict[str, str]
) -> dict[str, Predictions]:
    """Return the test predictions of every system that has a run in all folds.

    Args:
        folds: the folds; the number of a fold becomes the column `fold`, from 1.
        runs: the runs of each fold.
        problems: the first reason is added for every system that has no run in a fold.

    Raises:
        RunError: a run has no readable predictions.
    """
    systems = {}
    first = next(iter(runs.values()))
    for task in [*first.heads, *first.stacks, *first.missing]:
        absent = {name: one.missing[task] for name, one in runs.items() if task in one.missing}
        if absent:
            name, reason = next(iter(absent.items()))
            problems[task] = f"{name}: {reason}"
            continue
        parts = []
        for number, (name, workspace) in enumerate(folds.workspaces.items(), start=1):
            run = (runs[name].heads | runs[name].stacks)[task]
            test = RunDir(workspace.runs / run).predictions().split("test")
            parts.append(test.frame.assign(fold=number))
        frame = pd.concat(parts, ignore_index=True)
        systems[task] = Predictions(frame, test.classes, folds.folder.name)
    return systems


def write_table(systems: Mapping[str, Predictions], path: Path) -> None:
    """Write the predictions of all systems as one Parquet file with the column `system`."""
    frames = [one.frame.assign(system=name) for name, one in systems.items()]
    one = next(iter(systems.values()))
    Predictions(pd.concat(frames, ignore_index=True), one.classes, one.run).write(path)


def notes_of_runs(folds: Folds, runs: Mapping[str, RecipeRuns]) -> list[str]:
    """Return the notes of all heads, each once: remarks about the corpus and its splits."""
    notes = dict[str, None]()
    for fold, workspace in folds.workspaces.items():
        for run in runs[fold].heads.values():
            summary = RunDir(workspace.runs / run).read_json(SUMMARY)
            notes |= dict.fromkeys(summary.get("notes", []))
    return list(notes)


def prior_and_facts(folds: Folds) -> tuple[npt.NDArray[np.float64], list[dict[str, Any]]]:
    """Return the class counts (C,) of all training splits, and the facts of every fold.

    The facts are `fold`, from 1; `rows`, the number of rows of each split; and `speakers`, the
    speakers of test.
    """
    counts, facts = [], []
    for number, workspace in enumerate(folds.workspaces.values(), start=1):
        manifest = Manifest.read(workspace.manifest)
        counts.append(training_prior(manifest))
        rows = {name: len(manifest.split(name)) for name in ("train", "dev", "test")}
        speakers = sorted(manifest.split("test").frame["speaker"].dropna().unique())
        facts.append({"fold": number, "rows": rows, "speakers": speakers})
    return np.sum(counts, axis=0), facts
