"""`medusa evaluate` and `medusa report`: what a run is worth."""

import json
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("run")
@click.option("--split", default="test", show_default=True, help="The split to judge on.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.pass_obj
def evaluate(workspace: Path, run: str, split: str, as_json: bool) -> None:
    """Judge a finished run: macro-F1, accuracy, UAR, per class, confusion, attributes."""
    from medusa.heads.run_dir import find_run
    from medusa.manifests.manifest import Manifest
    from medusa.reports.evaluate import evaluate as judge
    from medusa.workspace import Workspace

    place = Workspace.open(workspace)
    result = judge(find_run(place.runs, run), Manifest.read(place.manifest), split)
    if as_json:
        click.echo(json.dumps(result, indent=2))
    else:
        show(result)


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
def report(workspace: Path, run: str, output: Path | None, split: str) -> None:
    """Write one self-contained HTML page about a finished run."""
    from medusa.heads.run_dir import find_run
    from medusa.manifests.manifest import Manifest
    from medusa.reports.page import write_report
    from medusa.workspace import Workspace

    place = Workspace.open(workspace)
    found = find_run(place.runs, run)
    output = output or place.root / f"{found.name}.html"
    write_report(found, Manifest.read(place.manifest), output, split)
    click.echo(output)


def show(result: dict[str, Any]) -> None:
    """Print what `evaluate` found as tables, each number with its interval and chance level."""
    from medusa.console import say, table
    from medusa.reports.evaluate import NAMES

    rows: list[list[object]] = []
    for key, name in NAMES.items():
        base = result["baselines"][key]
        spread = _spread(result["interval"][key])
        rows.append([name, result[key], spread, base["chance"], base["majority"]])
    who = f" by {result['blocks']} speakers" if result["blocks"] else ""
    title = f"{result['run']}: {result['n']} labelled utterances of {result['split']}{who}"
    header = ("", "value", "95 %", "chance", f"always {result['majority_class']}")
    table(header, rows, title)
    rows = [
        [name, one["f1"], _spread(one["interval"]), one["precision"], one["recall"], one["support"]]
        for name, one in result["per_class"].items()
    ]
    table(("class", "F1", "95 %", "precision", "recall", "utterances"), rows)
    counts = zip(result["classes"], result["confusion"], strict=True)
    table(("truth \\ answer", *result["classes"]), [[name, *row] for name, row in counts])
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
    if result["unlabelled"]:
        say(f"note: {result['unlabelled']} utterances without a consensus label are left out")
    for note in result["notes"]:
        say(f"note: {note}")


def _spread(interval: list[float]) -> str:
    low, high = interval
    return f"{low:.3f} – {high:.3f}"
