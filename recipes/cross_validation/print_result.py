"""The table of a cross-validation, and the messages that follow it."""

from collections.abc import Mapping
from typing import Any

import click

from medusa.console import say
from medusa.errors import MedusaError
from medusa.recipes.cross_validation.fold_result import CrossValidation
from medusa.reports.tables.result_table import ResultTable, text
from medusa.scoring import SCORES

SHOWN = ("uar", "macro_f1", "accuracy")


def show(found: CrossValidation) -> None:
    """Print the table of the systems, and the folder of the files.

    Raises:
        MedusaError: a head or an ensemble has no result; all are listed with the reasons.
    """
    click.echo(text(result_table(found.result)))
    say(f"predictions of all folds: {found.predictions}; report: {found.report}")
    if found.problems:
        lines = [f"{task}: {problem}" for task, problem in found.problems.items()]
        raise MedusaError("\n  ".join([f"{len(lines)} part(s) have no result:", *lines]))


def result_table(result: Mapping[str, Any]) -> ResultTable:
    """Return a row for every system: scores with intervals, means over folds, and differences."""
    main, systems = result["main"], result["systems"]
    gains = {line["of"]: line for line in result["gains"]}
    header = [""]
    for key in SHOWN:
        header += [SCORES[key].title, "95 %", "folds"]
    rows = [[name, *_cells(one), *_gain(gains.get(name))] for name, one in systems.items()]
    for name in ("chance", "majority"):
        values = [systems[main]["baselines"][key][name] for key in SHOWN]
        cells = [cell for value in values for cell in (f"{value:.3f}", "", "")]
        rows.append([name, *cells, *_gain(None)])
    header += [f"macro-F1 of {main} minus this", "p (Holm)"]
    if not gains:
        header, rows = header[:-2], [row[:-2] for row in rows]
    one, plan = systems[main], result["plan"]
    title = f"{result['name']}: {plan['k']} folds by {plan['by']}, {one['n']} labelled utterances"
    speakers = f" of {one['blocks']} speakers" if one["blocks"] else ""
    note = (
        "The scores are over the test predictions of all folds together, with 95 % intervals by a "
        "bootstrap over speakers. The columns `folds` have the mean ± the standard deviation of "
        "the folds' own scores."
    )
    return ResultTable(title + speakers, header, rows, [note, *result["notes"]])


def _cells(one: Mapping[str, Any]) -> list[str]:
    cells = []
    for key in SHOWN:
        low, high = one["interval"][key]
        fold = one["folds"][key]
        cells += [f"{one[key]:.3f}", f"{low:.3f} – {high:.3f}"]
        cells.append(f"{fold['mean']:.3f} ± {fold['sd']:.3f}")
    return cells


def _gain(line: Mapping[str, Any] | None) -> list[str]:
    return ["", ""] if line is None else [f"{line['difference']:+.3f}", f"{line['p']:.3f}"]
