"""`medusa run`, `medusa ablate`, `medusa tables`: a whole published system by one command."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from medusa.options import device_option, jobs_option, missing_option, text_option

RECIPE = "The name of a shipped recipe (`medusa run --list` shows them) or a YAML file."


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that all three commands have."""
    options = [
        click.option("--tiny", is_flag=True, help="The recipe's small profile."),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change all heads (mixup.p=0), one (heads.m01.seed=5) or an ensemble "
            "(stacks.soup.seeds=3); may be repeated.",
        ),
        click.option(
            "--repeats", type=int, help="Train everything so many times, from other seeds."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _training(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the two commands that train."""
    options = [
        click.option(
            "--only",
            metavar="PATTERN",
            help="Run only tasks whose name fits: m0*, *.no-mixup.",
        ),
        text_option("Whose text is read: `manifest` or a transcripts table."),
        missing_option(
            "What to do with utterances that lack features; drop: the same for all heads."
        ),
        device_option("cpu, cuda, cuda:1, ...; several (cuda:0,cuda:1): a head on each at once."),
        jobs_option("Train so many heads at once."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("recipe", required=False)
@_shared
@_training
@click.option("--list", "list_them", is_flag=True, help="List the shipped recipes.")
@click.pass_obj
def run(root: Path, /, recipe: str | None, list_them: bool, **options: Any) -> None:
    """Run a recipe: features, heads, ablations, ensembles, tables and a report.

    RECIPE: a shipped recipe by name, or a YAML file. Finished parts are kept: a changed
    setting retrains only the parts that depend on it. With --tiny in a folder without a
    manifest, a small made-up corpus and random-weight checkpoints are written first.
    """
    from medusa.recipes.files import shipped
    from medusa.recipes.load import load

    if list_them or recipe is None:
        for name in shipped():
            one = load(name)
            count = f"{len(one.heads):3} head{'s' if len(one.heads) > 1 else ' '}"
            click.echo(f"{name:18} {count}  {one.title}")
        return
    _run(root, recipe, ablations=True, **options)


@click.command()
@click.argument("recipe")
@_shared
@_training
@click.pass_obj
def ablate(root: Path, /, recipe: str, **options: Any) -> None:
    """Train a recipe's heads and their ablations, without ensembles, and compare them.

    RECIPE: a shipped recipe by name, or a YAML file.
    """
    _run(root, recipe, ablations=True, stacks=False, **options)


@click.command()
@click.argument("recipe")
@_shared
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "latex", "csv"]),
    default="text",
    show_default=True,
    help="The format of the tables.",
)
@click.pass_obj
def tables(
    root: Path,
    recipe: str,
    tiny: bool,
    settings: tuple[str, ...],
    repeats: int | None,
    form: str,
) -> None:
    """Print our results next to the published ones, for the parts that are finished so far.

    RECIPE: a shipped recipe by name, or a YAML file.
    """
    from medusa.errors import ConfigError
    from medusa.recipes.run import read_recipe, state_name
    from medusa.recipes.state import State
    from medusa.workspace import Workspace

    workspace = Workspace.open(root)
    loaded = read_recipe(recipe, settings, tiny, repeats)
    state = State.read(workspace, state_name(recipe, tiny))
    if not state.heads:
        command = f"medusa run {recipe}{' --tiny' if tiny else ''}"
        raise ConfigError(f"{state.path}: nothing to judge yet; run the recipe with `{command}`")
    from medusa.recipes.render import FORMATS
    from medusa.recipes.tables import tables as make

    for one in make(workspace, loaded, state):
        click.echo(FORMATS[form](one))


def _run(root: Path, recipe: str, **options: Any) -> None:
    from medusa.recipes.run import run_recipe

    run_recipe(root, recipe, **options)
