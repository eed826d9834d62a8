"""`medusa matrix`: train on each of several corpora, and test on each."""

from pathlib import Path

import click

from medusa.options import (
    device_option,
    format_option,
    json_option,
    output_option,
    settings_option,
)

ONE = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("workspaces", nargs=-1, required=True, type=ONE, metavar="WORKSPACE WORKSPACE...")
@click.option("--run", help="Judge this finished run of every workspace, and train nothing.")
@click.option(
    "--backbones", help="The features of the head, as in `medusa fit-head`.  [default: all]"
)
@click.option(
    "--config", default="small", show_default=True, help="A YAML file, or `medusa` or `small`."
)
@settings_option("Change a setting of the head: head.name=logistic, ...")
@click.option(
    "--map",
    "class_names",
    default="",
    metavar="CLASS=NAME,...",
    help="A common name for a class, such as calm=neutral. anger, happiness, joy, sadness and "
    "the like have one already.",
)
@click.option(
    "--classes",
    metavar="NAME,...",
    help="The common names to judge.  [default: those that every corpus has]",
)
@click.option(
    "--score",
    type=click.Choice(["macro_f1", "uar", "accuracy"]),
    default="macro_f1",
    show_default=True,
    help="The score of a cell.",
)
@click.option("--split", default="test", show_default=True, help="The split to judge on.")
@device_option()
@output_option("The picture to write.  [default: matrix.svg in the workspace]", dir_okay=False)
@format_option("The format of the tables.")
@json_option("Print everything as one JSON object.")
@click.pass_obj
def matrix(
    root: Path,
    workspaces: tuple[Path, ...],
    run: str | None,
    backbones: str | None,
    config: str,
    settings: tuple[str, ...],
    class_names: str,
    classes: str | None,
    score: str,
    split: str,
    device: str,
    output: Path | None,
    form: str,
    as_json: bool,
) -> None:
    """Train a head on each of several corpora, and test it on each: one table and one picture.

    Every WORKSPACE needs a manifest with splits and the same features. All cells judge the same
    classes. A cell that cannot be computed has its reason. A head that is finished is not trained
    again.
    """
    import json

    from medusa.atomic import write_text
    from medusa.console import say
    from medusa.recipes.corpus_matrix.matrix import corpus_matrix
    from medusa.recipes.corpus_matrix.matrix_picture import draw_matrix
    from medusa.recipes.corpus_matrix.matrix_tables import tables_of
    from medusa.reports.tables.result_table import FORMATS
    from medusa.workspace import Workspace

    found = corpus_matrix(
        [Workspace.open(one) for one in workspaces],
        run=run,
        features=backbones.split(",") if backbones else (),
        config=config,
        settings=settings,
        class_names=class_names,
        classes=[one.strip().lower() for one in classes.split(",")] if classes else (),
        score=score,
        split=split,
        device=device,
    )
    picture = output or root / "matrix.svg"
    write_text(picture, draw_matrix(found))
    say(f"wrote {picture}")
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    for one in tables_of(found):
        click.echo(FORMATS[form](one))
