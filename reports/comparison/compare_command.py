"""`medusa compare`: compare finished runs in pairs."""

from pathlib import Path

import click

from medusa.options import format_option, json_option

SCORES = ("macro_f1", "balanced", "uar", "accuracy")


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN [RUN]...")
@click.option("--split", default="test", show_default=True, help="The split to judge on.")
@click.option(
    "--score",
    type=click.Choice(SCORES),
    default="macro_f1",
    show_default=True,
    help="The score whose differences are tested.",
)
@format_option("The format of the tables.")
@json_option("Print everything, with the ids that only one run gets right, as one JSON object.")
@click.pass_obj
def compare(
    root: Path, runs: tuple[str, ...], split: str, score: str, form: str, as_json: bool
) -> None:
    """Compare finished runs in pairs on the same utterances.

    Every pair has the difference of the score with its interval, a p value that resamples whole
    speakers, Cohen's d over speakers, McNemar's test, the kappa of the two predictions, and the
    number of utterances that only one of the two gets right.
    """
    import json

    from medusa.reports.comparison.compare_runs import compare_runs
    from medusa.reports.comparison.comparison_tables import tables_of
    from medusa.reports.tables.result_table import FORMATS
    from medusa.workspace import Workspace

    found = compare_runs(Workspace.open(root), runs, split=split, score=score)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    for one in tables_of(found):
        click.echo(FORMATS[form](one))
