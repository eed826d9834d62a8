"""The results of heads as a command prints them."""

from collections.abc import Sequence
from typing import Any

import click

from medusa.console import say, table
from medusa.errors import MedusaError, listed
from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.heads.spec import HeadResult
from medusa.workspace import Workspace


def show_result(workspace: Workspace, many: bool, result: HeadResult) -> None:
    """Print a trained head's score, or report the problem of one of many heads."""
    if not result.problem:
        click.echo(_score_line(workspace, result))
    elif many:
        say(f"{result.spec.name}: {result.problem}")


def _score_line(workspace: Workspace, result: HeadResult) -> str:
    """Return a line with the head's score on dev, and report the notes of its corpus."""
    for note in result.notes:
        say(f"note: {note}")
    run = RunDir(workspace.runs / result.run)
    summary, config = run.read_json(SUMMARY), run.config()
    score = f"{result.run}: dev macro-F1 {summary['dev_macro_f1']:.3f}"
    best = f"best {_moment(summary)}"
    if config["train"]["selection"] == "natural":
        return f"{score} on the whole split ({best})"
    chance = 1 / len(config["classes"])
    return f"{score} on balanced draws ({best}; chance {chance:.3f})"


def _moment(summary: dict[str, Any]) -> str:
    """Return when the weights were best: after an epoch of a stage, or with a setting."""
    stage, _, epoch = str(summary["best_at"]).rpartition(" ")
    if summary["steps"] and epoch.isdecimal():
        return f"after epoch {epoch} of stage {stage}"
    return f"{'after' if summary['steps'] else 'with'} {summary['best_at']}"


def show_sweep(workspace: Workspace, results: Sequence[HeadResult]) -> None:
    """Print a table of several trained heads, the best on dev first, and name the best."""
    scores = {
        one.run: RunDir(workspace.runs / one.run).read_json(SUMMARY)["dev_macro_f1"]
        for one in results
        if not one.problem
    }
    if len(scores) > 1:
        best_first = sorted(scores.items(), key=lambda pair: -pair[1])
        selections = {RunDir(workspace.runs / run).config()["train"]["selection"] for run in scores}
        balanced = "balanced draws of " if selections == {"balanced"} else ""
        table(["head", f"macro-F1 on {balanced}dev"], best_first)
        say(f"best on dev: {best_first[0][0]}")


def raise_problems(results: Sequence[HeadResult]) -> None:
    """Raise one error that lists the problems of all heads, if there are any.

    Raises:
        MedusaError: some heads were not trained.
    """
    problems = [result for result in results if result.problem]
    if not problems:
        return
    if len(results) == 1:
        raise MedusaError(problems[0].problem)
    names = dict[str, list[str]]()  # Several heads may have the same problem.
    for result in problems:
        names.setdefault(result.problem, []).append(result.spec.name)
    lines = [f"{listed(which)}: {problem}" for problem, which in names.items()]
    head = f"{len(problems)} of {len(results)} heads were not trained:"
    raise MedusaError("\n  ".join([head, *lines]))
