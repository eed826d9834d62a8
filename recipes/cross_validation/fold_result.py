"""The result of a cross-validation: one table of predictions, and one judgement of all of them."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medusa.atomic import write_text
from medusa.errors import RunError
from medusa.manifests import Manifest
from medusa.recipes.cross_validation.fold_predictions import (
    notes_of_runs,
    prior_and_facts,
    systems_of,
    write_table,
)
from medusa.recipes.cross_validation.fold_workspaces import Folds
from medusa.recipes.find_runs import RecipeRuns
from medusa.reports.cross_validation_page import render_folds
from medusa.scoring import FEW_BLOCKS, judge_folds
from medusa.seal import write_sealed_json
from medusa.workspace import Workspace

RESULT, PREDICTIONS, PAGE = "result.json", "predictions.parquet", "report.html"


@dataclass(frozen=True)
class CrossValidation:
    """The result of a cross-validation.

    Attributes:
        folder: the folder of its files.
        predictions: a Parquet file with the test predictions of all folds; its column `system`
            names the head or the ensemble, and `fold` the fold, from 1.
        report: an HTML page about the result.
        result: the values of `scoring.cross_validated.judge_folds`, with the `name`, the `plan` of
            the folds, their rows and test speakers in `folds`, and `notes`, sentences that a reader
            must know before believing the numbers.
        problems: head or ensemble -> the reason why it has no result.
    """

    folder: Path
    predictions: Path
    report: Path
    result: dict[str, Any]
    problems: Mapping[str, str] = field(default_factory=dict)


def judge_runs(
    workspace: Workspace, folds: Folds, runs: Mapping[str, RecipeRuns], name: str, main: str
) -> CrossValidation:
    """Write the predictions of all folds and their scores.

    Args:
        workspace: the manifest that has the labels.
        folds, runs: the folds, and the runs of each.
        name: the name of the folder of the result.
        main: the system that is compared with all others; if it has no result, the first system.

    Raises:
        RunError: no system has a run in every fold.
    """
    problems = dict[str, str]()
    systems = systems_of(folds, runs, problems)
    if not systems:
        lines = [f"{task}: {why}" for task, why in problems.items()]
        raise RunError("\n  ".join(["nothing has a run in every fold:", *lines]))
    folder = folds.folder / name
    folder.mkdir(parents=True, exist_ok=True)
    write_table(systems, folder / PREDICTIONS)
    main = main if main in systems else next(iter(systems))
    manifest, (prior, facts) = Manifest.read(workspace.manifest), prior_and_facts(folds)
    result = judge_folds(manifest, systems, main, prior)
    notes = [*notes_of_runs(folds, runs), *folds.notes, *_notes(result)]
    plan = dataclasses.asdict(folds.plan)
    result |= {"name": name, "plan": plan, "folds": facts, "notes": notes}
    write_sealed_json(folder / RESULT, result)
    write_text(folder / PAGE, render_folds(result))
    return CrossValidation(folder, folder / PREDICTIONS, folder / PAGE, result, problems)


def _notes(result: Mapping[str, Any]) -> list[str]:
    """Return sentences about few speakers and about utterances without a prediction."""
    notes, blocks = [], result["systems"][result["main"]]["blocks"]
    if result["unpredicted"]:
        notes.append(f"{result['unpredicted']} utterances lack features and have no prediction.")
    if blocks is not None and blocks < FEW_BLOCKS:
        notes.append(f"There are only {blocks} speakers: the intervals are rough.")
    return notes
