"""`medusa evaluate` and `medusa report`: what a run is worth."""

import json
from pathlib import Path
from typing import Any

import click

from medusa.errors import MedusaError
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
        from medusa.device import choose_device
        from medusa.reports.transfer import transfer

        if output and not output.parent.is_dir():
            raise MedusaError(f"--output {output}: there is no folder {output.parent}; make it")
        where, drop = choose_device(device)[0], missing == "drop"
        target = Workspace.open(on)
        result, predictions = transfer(
            finished, manifest, target, split, mapping, text, where, drop
        )
        if output:
            predictions.write(output)
    if as_json:
        click.echo(json.dumps(result, indent=2))
    else:
        show(result)


def _refuse_without_on(context: click.Context) -> None:
    """Refuse options that mean nothing without --on."""
    from medusa.console import given

    names = {"mapping": "--map"} | {key: f"--{key}" for key in AWAY}
    options = given(context)
    lone = [name for key, name in names.items() if key in options]
    if lone:
        raise click.UsageError(f"{', '.join(lone)}: only with --on WORKSPACE", context)


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


def show(result: dict[str, Any]) -> None:
    """Print what `evaluate` found as tables, each number with its interval and chance level."""
    from medusa.console import say, table
    from medusa.scoring import NAMES

    rows: list[list[object]] = []
    for key, name in NAMES.items():
        base = result["baselines"][key]
        spread = _spread(result["interval"][key])
        rows.append([name, result[key], spread, base["chance"], base["majority"]])
    who = f" by {result['blocks']} speakers" if result["blocks"] else ""
    split = f"{result['split']} of {result['on']}" if "on" in result else result["split"]
    title = f"{result['run']}: {result['n']} labelled utterances of {split}{who}"
    header = ("", "value", "95 %", "chance", f"always {result['majority_class']}")
    table(header, rows, title)
    rows = [
        [name, one["f1"], _spread(one["interval"]), one["precision"], one["recall"], one["support"]]
        for name, one in result["per_class"].items()
    ]
    table(("class", "F1", "95 %", "precision", "recall", "utterances"), rows)
    counts = zip(result["classes"], result["confusion"], strict=True)
    table(("truth \\ predicted", *result["classes"]), [[name, *row] for name, row in counts])
    if result["attributes"]:
        rows = [
            [
                name,
                *(
                    part
                    for key in ("ccc", "mse")
                    for part in (one[key], _spread(one["interval"][key]))
                ),
            ]
            for name, one in result["attributes"].items()
        ]
        table(("attribute", "CCC", "95 %", "MSE", "95 %"), rows)
    if "map" in result:
        pairs = [
            [name, other or "none: it is judged among the other classes"]
            for name, other in result["map"].items()
        ]
        table(("class of the run", "judged as"), pairs)
    if result["unlabelled"]:
        say(f"note: {result['unlabelled']} utterances without a consensus label are left out")
    for note in result["notes"]:
        say(f"note: {note}")


def _spread(interval: list[float]) -> str:
    low, high = interval
    return f"{low:.3f} – {high:.3f}"
