"""`medusa report`: one HTML page about a run."""

from pathlib import Path

import click


@click.command()
@click.argument("run")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The HTML file to write.  [default: RUN.html in the workspace]",
)
@click.option("--split", default="test", show_default=True, help="The split to judge on.")
@click.pass_obj
def report(root: Path, run: str, output: Path | None, split: str) -> None:
    """Write one self-contained HTML page about a finished run."""
    from medusa.heads.runs.run_dir import find_run
    from medusa.manifests import Manifest
    from medusa.reports.page import write_report
    from medusa.workspace import Workspace

    workspace = Workspace.open(root)
    finished = find_run(workspace.runs, run)
    output = output or workspace.root / f"{finished.name}.html"
    write_report(finished, Manifest.read(workspace.manifest), output, split)
    click.echo(output)
