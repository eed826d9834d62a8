"""`medusa report`: one HTML page about a run."""

from pathlib import Path

import click

from medusa.options import output_option, snr_option


@click.command()
@click.argument("run")
@output_option("The file to write.  [default: RUN.html, .md or .tex in the workspace]")
@click.option("--split", default="test", show_default=True, help="The split to judge on.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "markdown", "latex"]),
    default="html",
    show_default=True,
    help="The page, or its tables alone.",
)
@click.option(
    "--audio",
    "with_audio",
    is_flag=True,
    help="Embed the recordings of the utterances that the page shows one by one. They can be "
    "personal data; the page says so.",
)
@snr_option()
@click.pass_obj
def report(
    root: Path,
    run: str,
    output: Path | None,
    split: str,
    form: str,
    with_audio: bool,
    with_snr: bool,
) -> None:
    """Write one self-contained HTML page about a finished run, or its tables."""
    from medusa.reports.page import report as write
    from medusa.workspace import Workspace

    choices = {"with_audio": with_audio, "with_snr": with_snr}
    click.echo(write(Workspace.open(root), run, output, split=split, form=form, **choices))
