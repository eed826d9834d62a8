"""`medusa runs`: a table of the heads and ensembles of a workspace."""

import json
from pathlib import Path

import click

from medusa.options import json_option


@click.command()
@click.option(
    "--sort",
    default="when",
    show_default=True,
    metavar="COLUMN",
    help="The order: when (the last run first), name, dev or test (the best run first).",
)
@json_option()
@click.pass_obj
def runs(root: Path, sort: str, as_json: bool) -> None:
    """List the heads and ensembles of the workspace, with their macro-F1 on dev and test.

    The best run on dev is named below the table.
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
    header = ["run", "features or members", "head or method", "dev", "test", "finished"]
    cells: list[list[object]] = [
        [one.name, one.features, one.head, one.dev, one.test, one.when if one.finished else "no"]
        for one in rows
    ]
    table(header, cells, "macro-F1")
    for one in rows:
        if one.problem:
            say(f"{one.name}: {one.problem}")
    if judged := [one for one in rows if one.dev is not None]:
        best = max(judged, key=lambda one: one.dev or 0.0)
        say(f"best on dev: {best.name}; next: medusa evaluate {best.name}")
