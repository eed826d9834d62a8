"""`medusa run` and `medusa tables`: a whole published system by one command."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medusa.options import (
    device_option,
    format_option,
    jobs_option,
    missing_option,
    settings_option,
    text_option,
    track_option,
)

if TYPE_CHECKING:
    from medusa.recipes.options import RecipeOptions


def _recipe_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that change a recipe."""
    options = [
        click.option("--tiny", is_flag=True, help="Use the recipe's small profile."),
        settings_option(
            "Change all heads (mixup.p=0), one head (heads.m01.seed=5) or an ensemble "
            "(stacks.soup.seeds=3)."
        ),
        click.option(
            "--repeats", type=int, help="Train everything so many times, from other seeds."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("recipe", required=False)
@_recipe_options
@click.option(
    "--only", metavar="PATTERN", help="Run only the tasks whose name fits, such as m0*, *.no-mixup."
)
@click.option(
    "--cross-validate",
    metavar="GROUP",
    help="Run the recipe in every fold of a cross-validation; GROUP is that of `medusa "
    "cross-validate --by`, such as speaker.",
)
@click.option("--k", type=int, help="The number of folds.  [default: 10, or that of the groups]")
@click.option("--no-stacks", is_flag=True, help="Train only heads and ablations, no ensembles.")
@text_option("The source of the texts: `manifest` or a transcripts table.")
@missing_option(
    "error: utterances without features are refused. drop: all heads leave out the same ones."
)
@device_option(
    "cpu, cuda, cuda:1, ...; with several (cuda:0,cuda:1), each trains a head. ray or "
    "ray://HOST:PORT is a Ray cluster with --jobs workers."
)
@jobs_option("Train so many heads at once.")
@track_option()
@click.option("--list", "list_them", is_flag=True, help="List the shipped recipes.")
@click.pass_obj
def run(
    root: Path,
    /,
    recipe: str | None,
    list_them: bool,
    no_stacks: bool,
    cross_validate: str | None,
    k: int | None,
    track: str | None,
    **options: Any,
) -> None:
    """Run a recipe: features, heads, ablations, ensembles, tables and a report.

    RECIPE is the name of a shipped recipe or a YAML file. Finished parts are kept: a changed
    setting retrains only the parts that depend on it. With --tiny in a folder without a manifest,
    the command first makes a small synthetic corpus and random-weight checkpoints.
    """
    import time

    from medusa.console import say
    from medusa.errors import MedusaError
    from medusa.heads.tracking.track_runs import require_tracker, track_runs
    from medusa.recipes.options import RecipeOptions
    from medusa.recipes.run import run_recipe
    from medusa.reports.tables.result_table import text
    from medusa.workspace import Workspace

    if list_them or recipe is None:
        return _list()
    if track and cross_validate:
        raise click.UsageError("--track: only without --cross-validate")
    require_tracker(track)
    began = time.monotonic()
    root.mkdir(parents=True, exist_ok=True)
    chosen = RecipeOptions(**options, stacks=not no_stacks)
    if cross_validate is not None:
        return _cross_validate(root, recipe, cross_validate, k, chosen)
    if k is not None:
        raise click.UsageError("--k: only with --cross-validate GROUP")
    result = run_recipe(Workspace.open(root), recipe, chosen)
    track_runs(Workspace.open(root), [*result.runs.values(), *result.stacks.values()], track)
    click.echo("\n".join(map(text, result.tables)))
    seconds, name = time.monotonic() - began, result.folder.name
    if result.fresh:
        say(f"{name}: {seconds:.0f} s; the tables are in {result.folder}")
    else:
        say(f"{name}: up to date, nothing to do ({seconds:.1f} s)")
    if result.problems:
        lines = [f"{task}: {problem}" for task, problem in result.problems.items()]
        raise MedusaError("\n  ".join([f"{len(lines)} part(s) of the recipe are missing:", *lines]))


def _cross_validate(
    root: Path, recipe: str, by: str, k: int | None, options: "RecipeOptions"
) -> None:
    from medusa.manifests.splits.cross_validation import FoldPlan
    from medusa.recipes.cross_validation.cross_validate import cross_validate
    from medusa.recipes.cross_validation.print_result import show
    from medusa.workspace import Workspace

    show(cross_validate(Workspace.open(root), recipe, FoldPlan(by, k), options))


def _list() -> None:
    from medusa.recipes.definition.load import load_shipped

    for name, one in load_shipped().items():
        heads = "head" if len(one.heads) == 1 else "heads"
        click.echo(f"{name:18} {len(one.heads):3} {heads:5}  {one.title}")


@click.command()
@click.argument("recipe")
@_recipe_options
@format_option("The format of the tables.")
@click.pass_obj
def tables(
    root: Path,
    recipe: str,
    settings: tuple[str, ...],
    tiny: bool,
    repeats: int | None,
    form: str,
) -> None:
    """Print our results next to the published ones, for the parts that are finished.

    RECIPE is the name of a shipped recipe or a YAML file. Parts that are missing or stale are
    listed with the reason.
    """
    from medusa.recipes.current_tables import current_tables
    from medusa.reports.tables.result_table import FORMATS
    from medusa.workspace import Workspace

    for one in current_tables(Workspace.open(root), recipe, settings, tiny, repeats):
        click.echo(FORMATS[form](one))
