"""`medusa cross-validate`: heads and an ensemble of them, judged on every utterance."""

from pathlib import Path
from typing import Any

import click

from medusa.options import (
    device_option,
    jobs_option,
    missing_option,
    settings_option,
    text_option,
)


@click.command("cross-validate")
@click.option(
    "--backbones",
    multiple=True,
    metavar="LIST",
    help="The features of a head, as in `medusa fit-head`. If it is repeated, there is a head for "
    "each set of features.  [default: one head on all features]",
)
@click.option(
    "--name", default="heads", show_default=True, help="The name of the folder of the result."
)
@click.option(
    "--config", default="small", show_default=True, help="A YAML file, or `medusa` or `small`."
)
@settings_option(
    "Change a setting of all heads (head.name=logistic) or of the ensemble "
    "(stacks.stack.inputs=logits)."
)
@click.option(
    "--grid",
    multiple=True,
    metavar="KEY=V1,V2,...",
    help="Train a head per value, as in seed=0,1,2 or head.name=logistic,svm. May be repeated.",
)
@click.option(
    "--stack", metavar="METHOD", help="Also combine all heads: a method of `medusa stack`."
)
@click.option(
    "--by",
    default="speaker",
    show_default=True,
    metavar="GROUP",
    help="The groups that are left out: speaker, session, corpus, another column of texts, or a "
    "regular expression on ids.",
)
@click.option(
    "--k",
    type=int,
    help="The number of folds. The number of speakers leaves one speaker out.  [default: 10, or "
    "the number of groups if that is smaller]",
)
@click.option(
    "--dev",
    type=float,
    default=0.2,
    show_default=True,
    help="The share of dev among the rows outside test.",
)
@text_option("The source of the texts of text features: `manifest` or a transcripts table.")
@missing_option("What to do with utterances that lack features.")
@device_option(
    "cpu, cuda, cuda:1, ...; with several (cuda:0,cuda:1), each trains a head. ray or "
    "ray://HOST:PORT is a Ray cluster with --jobs workers."
)
@jobs_option("The number of heads that are trained at once.")
@click.pass_obj
def cross_validate(
    root: Path,
    /,
    backbones: tuple[str, ...],
    name: str,
    config: str,
    settings: tuple[str, ...],
    grid: tuple[str, ...],
    stack: str | None,
    by: str,
    k: int | None,
    dev: float,
    **options: Any,
) -> None:
    """Train heads in every fold, and judge the test predictions of all folds as one result.

    Every utterance is test in one fold; dev comes from the other speakers. The split of the
    manifest is not read. An interrupted command continues where it stopped, and finished parts are
    kept. `medusa run RECIPE --cross-validate speaker` does the same for a recipe.
    """
    from medusa.manifests.splits.cross_validation import FoldPlan
    from medusa.recipes.cross_validation.cross_validate import cross_validate as judge
    from medusa.recipes.cross_validation.print_result import show
    from medusa.recipes.cross_validation.recipe_of_heads import recipe_of_heads
    from medusa.recipes.options import RecipeOptions
    from medusa.workspace import Workspace

    recipe = recipe_of_heads(backbones or ("",), config, settings, grid=grid, stack=stack)
    plan, chosen = FoldPlan(by, k, dev), RecipeOptions(**options)
    show(judge(Workspace.open(root), recipe, plan, chosen, name=name))
