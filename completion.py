"""Shell completion of the names of runs, feature stores, backbones and recipes."""

import functools
from collections.abc import Callable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

# The names are written here, because the families of backbones import torch; a test compares them.
BACKBONES = (
    "auto", "bert", "data2vec-audio", "deberta", "egemaps", "egemaps-functionals", "hubert",
    "hubert-xlarge", "logmel", "logmel128", "modernbert", "roberta", "wav2vec2", "wavlm", "whisper",
)  # fmt: skip
RECIPES = Path(__file__).parent / "recipes" / "shipped"


def runs(root: Path) -> list[str]:
    """Return the names of the runs in a workspace."""
    return sorted(path.parent.name for path in (root / "runs").glob("[!.]*/config.yaml"))


def features(root: Path) -> list[str]:
    """Return the names of the backbones whose features a workspace has."""
    stores = (root / "features").glob("[!.]*.zarr")
    return sorted({path.stem.rpartition("-")[0] for path in stores})


def backbones(root: Path) -> list[str]:
    """Return the names of all backbones."""
    return list(BACKBONES)


def recipes(root: Path) -> list[str]:
    """Return the names of the shipped recipes, and the recipes of the current folder."""
    shipped = [path.stem for path in RECIPES.glob("*.yaml")]
    return sorted([*shipped, *(path.name for path in Path().glob("*.yaml"))])


# The options and arguments whose values are completed; a list of names is separated by commas.
NAMES: dict[str, Callable[[Path], list[str]]] = {
    "run": runs,
    "runs": runs,
    "model": runs,
    "recipe": recipes,
    "names": backbones,
    "backbone": backbones,
    "backbones": features,
}


def with_completion(command: click.Command) -> click.Command:
    """Make the names of a command's options and arguments complete in the shell."""
    for parameter in command.params:
        names = NAMES.get(parameter.name or "")
        if names is not None and "--model" not in parameter.opts:
            parameter.shell_complete = functools.partial(_items, names)  # type: ignore[method-assign]
    return command


def _items(
    names: Callable[[Path], list[str]], ctx: click.Context, incomplete: str
) -> list[CompletionItem]:
    """Return the names that begin with the last part of the word."""
    root = Path(ctx.find_root().params.get("workspace") or Path())
    before, comma, begun = incomplete.rpartition(",")
    found = [name for name in names(root) if name.startswith(begun)]
    return [CompletionItem(f"{before}{comma}{name}") for name in found]
