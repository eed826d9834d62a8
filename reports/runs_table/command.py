"""`medusa runs`: a table of the heads and ensembles of a workspace."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from medusa.options import json_option

if TYPE_CHECKING:
    from medusa.reports.runs_table.rows import RunRow


@click.command()
@click.option(
    "--sort",
    default="when",
    show_default=True,
    metavar="COLUMN",
    help="The order: when (the last run first), name, dev or test (the best run first).",
)
@click.option("--test", "with_test", is_flag=True, help="Show the macro-F1 on test, too.")
@json_option()
@click.pass_obj
def runs(root: Path, sort: str, with_test: bool, as_json: bool) -> None:
    """List the heads and ensembles of the workspace, with their macro-F1 on dev.

    The best run on dev is named below the table. The macro-F1 on test is shown only with --test or
    --sort test, because test is for the system that dev has chosen. --json has both.
    """
    from medusa.console import say, table
    from medusa.reports.runs_table.rows import list_runs
    from medusa.workspace import Workspace

    workspace = Workspace.open(root)
    rows = list_runs(workspace, sort)
    if as_json:
        click.echo(json.dumps([row.to_dict() for row in rows], indent=2))
        return
    if not rows:
        say(f"{workspace.runs}: no runs yet; next: medusa fit-head, or medusa baseline")
        return
    splits = ("dev", "test") if with_test or sort == "test" else ("dev",)
    scores = [f"macro-F1 on {split}" for split in splits]
    cells: list[list[object]] = [
        [one.name, one.features, one.head, *(getattr(one, split) for split in splits), _when(one)]
        for one in rows
    ]
    table(["run", "features or members", "head or method", *scores, "finished"], cells)
    for one in rows:
        if one.problem:
            say(f"{one.name}: {one.problem}")
    if judged := [one for one in rows if one.dev is not None]:
        best = max(judged, key=lambda one: one.dev or 0.0)
        say(f"best on dev: {best.name}; next: medusa evaluate {best.name}")


def _when(row: "RunRow") -> str:
    return row.when if row.finished else "no"
