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
        click.option("--repeats", type=int, help="Train everything so often, from other seeds."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _training(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the two commands that train."""
    options = [
        click.option("--only", metavar="PATTERN", help="Only tasks so named: m0*, *.no-mixup."),
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
def run(home: Path, /, recipe: str | None, list_them: bool, **asked: Any) -> None:
    """Bring a recipe up to date: features, heads, ablations, ensembles, tables, a report.

    RECIPE: a shipped recipe by name, or a YAML file. What is done stays, by content: a changed
    setting trains again what depends on it and nothing else. With --tiny in a folder without a
    manifest, a small made-up corpus with random-weight stand-ins is made first.
    """
    from medusa.recipes.files import shipped
    from medusa.recipes.load import load

    if list_them or recipe is None:
        for name in shipped():
            one = load(name)
            count = f"{len(one.heads):3} head{'s' if len(one.heads) > 1 else ' '}"
            click.echo(f"{name:18} {count}  {one.title}")
        return
    _bring(home, recipe, ablations=True, **asked)


@click.command()
@click.argument("recipe")
@_shared
@_training
@click.pass_obj
def ablate(home: Path, /, recipe: str, **asked: Any) -> None:
    """Train a recipe's heads and their ablations, without ensembles, and compare them.

    RECIPE: a shipped recipe by name, or a YAML file.
    """
    _bring(home, recipe, ablations=True, stacks=False, **asked)


@click.command()
@click.argument("recipe")
@_shared
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "latex", "csv"]),
    default="text",
    show_default=True,
    help="How tables are written.",
)
@click.pass_obj
def tables(
    home: Path,
    recipe: str,
    tiny: bool,
    settings: tuple[str, ...],
    repeats: int | None,
    form: str,
) -> None:
    """Print the source's tables beside ours, from what has been brought about so far.

    RECIPE: a shipped recipe by name, or a YAML file.
    """
    from medusa.recipes.files import RecipeError
    from medusa.recipes.run import state_name, the_recipe
    from medusa.recipes.state import State
    from medusa.workspace import Workspace

    place = Workspace.open(home)
    asked = the_recipe(recipe, settings, tiny, repeats)
    state = State.read(place, state_name(recipe, tiny))
    if not state.heads:
        again = f"medusa run {recipe}{' --tiny' if tiny else ''}"
        raise RecipeError(f"{state.path}: nothing to judge yet; bring it about with `{again}`")
    from medusa.recipes.render import FORMATS
    from medusa.recipes.tables import tables as make

    for one in make(place, asked, state):
        click.echo(FORMATS[form](one))


def _bring(home: Path, recipe: str, **asked: Any) -> None:
    from medusa.recipes.run import go

    go(home, recipe, **asked)
