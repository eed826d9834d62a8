"""`medusa evaluate`: the scores of a run."""

import json
from pathlib import Path

import click

from medusa.options import device_option, json_option, missing_option, text_option

AWAY = ("text", "missing", "device", "output")  # options of `evaluate` that need --on


@click.command()
@click.argument("run")
@click.option(
    "--split",
    default="test",
    show_default=True,
    help="The split to judge on; with --on also `all`, every row.",
)
@click.option(
    "--on",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="WORKSPACE",
    help="Predict and judge the corpus of another workspace, which needs the same features.",
)
@click.option(
    "--map",
    "mapping",
    default="",
    metavar="HEAD=CLASS,...",
    help="With --on: what the run's classes are called there; several may mean one, one with "
    "nothing after = means none.  [default: the same name]",
)
@text_option(
    "With --on: whose text is read there, `manifest` or a transcripts table.  "
    "[default: as in training, where there is such]"
)
@missing_option("With --on: what to do with utterances that lack features.")
@device_option("With --on: cpu, cuda, ...")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --on: keep the predictions, in the run's own classes, in this Parquet file.",
)
@json_option("Print everything as one JSON object.")
@click.pass_context
def evaluate(
    context: click.Context,
    run: str,
    split: str,
    on: Path | None,
    mapping: str,
    text: str | None,
    missing: str,
    device: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """Judge a finished run: macro-F1, accuracy, UAR, per class, confusion, attributes.

    With --on, on another corpus: heads are fed its features, nothing is trained, nothing is kept
    unless asked with --output.
    """
    from medusa.heads.runs.run_dir import find_run
    from medusa.manifests import Manifest
    from medusa.reports.evaluate import evaluate as judge
    from medusa.workspace import Workspace

    workspace = Workspace.open(context.obj)
    finished, manifest = find_run(workspace.runs, run), Manifest.read(workspace.manifest)
    if on is None:
        _refuse_without_on(context)
        result = judge(finished, manifest, split)
    else:
        from medusa.reports.evaluate_on import evaluate_on

        result = evaluate_on(
            finished, manifest, on, split, mapping, text, missing == "drop", device, output
        )
    if as_json:
        click.echo(json.dumps(result, indent=2))
    else:
        from medusa.reports.print_scores import show

        show(result)


def _refuse_without_on(context: click.Context) -> None:
    """Refuse options that mean nothing without --on."""
    from medusa.console import given

    names = {"mapping": "--map"} | {key: f"--{key}" for key in AWAY}
    options = given(context)
    lone = [name for key, name in names.items() if key in options]
    if lone:
        raise click.UsageError(f"{', '.join(lone)}: only with --on WORKSPACE", context)
