"""`medusa baseline`: logistic regression and SVM on the features of a workspace."""

from pathlib import Path

import click

from medusa.options import (
    device_option,
    force_option,
    jobs_option,
    json_option,
    missing_option,
    settings_option,
    text_option,
)


@click.command()
@click.argument("run", required=False)
@click.option(
    "--backbones",
    help="The features to read, comma-separated, as in `medusa fit-head`.  [default: every store]",
)
@click.option(
    "--heads",
    default="logistic,svm",
    show_default=True,
    help="The heads to fit, comma-separated; also knn.",
)
@click.option(
    "--name", default="baseline", show_default=True, help="The beginning of the names of the runs."
)
@settings_option("Change a setting of all heads, such as head.pooling=functionals.")
@text_option("The source of the texts of text features.  [default: that of RUN]")
@device_option()
@jobs_option("The number of heads that are fitted at once, each in another process.")
@missing_option("What to do with utterances that lack features.")
@force_option("Fit again, replacing the baselines.")
@json_option()
@click.pass_obj
def baseline(
    root: Path,
    run: str | None,
    backbones: str | None,
    heads: str,
    name: str,
    settings: tuple[str, ...],
    text: str | None,
    device: str,
    jobs: int,
    missing: str,
    force: bool,
    as_json: bool,
) -> None:
    """Fit logistic regression and SVM on each store of features and on all, and judge them.

    RUN is a finished head or stack to compare with the baselines. Every baseline is an ordinary
    run. Its settings are chosen by folds of training speakers. A store of several layers gives its
    best layer, chosen by the same folds, and all its layers joined.
    """
    import json

    from medusa.errors import MedusaError
    from medusa.reports.baselines.fit_baselines import fit_baselines
    from medusa.reports.baselines.print_baselines import show
    from medusa.strict import parts_of
    from medusa.workspace import Workspace

    found = fit_baselines(
        Workspace.open(root),
        run,
        features=parts_of(backbones or ""),
        heads=parts_of(heads),
        settings=settings,
        name=name,
        text=text,
        drop_missing=missing == "drop",
        force=force,
        devices=device,
        jobs=jobs,
    )
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        show(found)
    if found.problems:
        lines = [f"{one}: {problem}" for one, problem in found.problems.items()]
        raise MedusaError("\n  ".join(["some baselines were not trained:", *lines]))
