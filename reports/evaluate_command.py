"""`medusa evaluate`: the scores of a run."""

import json
from pathlib import Path

import click

from medusa.options import device_option, json_option, missing_option, snr_option, text_option


@click.command()
@click.argument("run")
@click.option(
    "--split",
    default="test",
    show_default=True,
    help="The split to judge on. With --on, `all` judges every row.",
)
@click.option(
    "--on",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="WORKSPACE",
    help="Predict and judge the corpus of another workspace, which needs the same features.",
)
@click.option(
    "--map",
    "class_map",
    default="",
    metavar="HEAD=CLASS,...",
    help="With --on: the class there that each class of the run means. Several classes may mean "
    "the same one. A class with nothing after = has no counterpart.  [default: the same name]",
)
@text_option(
    "With --on: the source of the texts there, `manifest` or a transcripts table.  "
    "[default: that of the training, if there is one]"
)
@missing_option("With --on: what happens to utterances that lack features.")
@device_option("With --on: the device that predicts, such as cpu or cuda.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --on: write the predictions, in the classes of the run, to this Parquet file.",
)
@snr_option()
@json_option("Print everything as one JSON object.")
@click.pass_obj
def evaluate(
    root: Path,
    run: str,
    split: str,
    on: Path | None,
    class_map: str,
    text: str | None,
    missing: str,
    device: str,
    output: Path | None,
    with_snr: bool,
    as_json: bool,
) -> None:
    """Judge a finished run: macro-F1, accuracy, UAR, per class, confusion, attributes.

    An ensemble is also compared with its members. With --on, the run predicts the corpus of another
    workspace. Nothing is trained, and the predictions are kept only with --output.
    """
    from medusa.reports.evaluate import evaluate as scores_of
    from medusa.workspace import Workspace

    result = scores_of(
        Workspace.open(root),
        run,
        split=split,
        on=Workspace.open(on) if on else None,
        class_map=class_map,
        text=text,
        missing=missing,
        device=device,
        output=output,
        with_snr=with_snr,
    )
    if as_json:
        click.echo(json.dumps(result, indent=2))
    else:
        from medusa.ensemble.printing.print_stack import show as show_members
        from medusa.heads.runs.run_dir import SUMMARY, find_run
        from medusa.reports.print_scores import show

        show(result)
        finished = find_run(Workspace.open(root).runs, run)
        summary = finished.read_json(SUMMARY)
        if on is None and result["kind"] == "stack" and summary["split"] == result["split"]:
            show_members(summary, finished.name)
