"""`medusa card`: the checklist of reproducibility of a run."""

from pathlib import Path

import click

from medusa.options import output_option


@click.command()
@click.argument("run")
@output_option("The file to write.  [default: RUN-card.md in the workspace]", dir_okay=False)
@click.option("--split", default="test", show_default=True, help="The split to judge on.")
@click.pass_obj
def card(root: Path, run: str, output: Path | None, split: str) -> None:
    """Write the checklist of reproducibility that papers ask for, as Markdown.

    It states the data, splits, seeds, settings, hardware, hours, number of trials, versions, and
    the scores with their intervals and chance levels, as far as they were recorded. A fact that
    was not recorded has an open box.
    """
    from medusa.inference.card.write_card import write_card
    from medusa.workspace import Workspace

    click.echo(write_card(Workspace.open(root), run, output, split=split))
