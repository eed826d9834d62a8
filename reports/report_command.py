"""`medusa report`: one HTML page about a run."""

from pathlib import Path

import click

from medusa.options import output_option


@click.command()
@click.argument("run")
@output_option("The HTML file to write.  [default: RUN.html in the workspace]")
@click.option("--split", default="test", show_default=True, help="The split to judge on.")
@click.pass_obj
def report(root: Path, run: str, output: Path | None, split: str) -> None:
    """Write one self-contained HTML page about a finished run."""
    from medusa.reports.page import report as write
    from medusa.workspace import Workspace

    click.echo(write(Workspace.open(root), run, output, split=split))
