"""Read a recipe from its file: parse it, apply the small profile and the settings, check it."""

import dataclasses
from collections.abc import Sequence

from medusa.errors import ConfigError, plural
from medusa.recipes.definition.files import path_of, read_values, shipped
from medusa.recipes.definition.recipe import Recipe
from medusa.recipes.definition.settings import with_settings
from medusa.recipes.definition.tiny_profile import tiny_profile
from medusa.recipes.definition.validation import problems_of
from medusa.strict import parse


def load(
    name: str, settings: Sequence[str] = (), tiny: bool = False, repeats: int | None = None
) -> Recipe:
    """Read a recipe by name, or a YAML file, and check all of it.

    Args:
        name: the name of a shipped recipe, or the path of a file.
        settings: `key=value` for all heads, `heads.NAME.key=value` for one,
            `stacks.NAME.key=value` for an ensemble.
        tiny: apply the small profile.
        repeats: how many times everything is trained; by default as often as the recipe states.

    Raises:
        ConfigError: there is no such recipe, or it has wrong keys, names or values; all are listed.
    """
    path = path_of(name)
    values, problems = read_values(path), list[str]()
    recipe: Recipe = parse(Recipe, values, "", problems)
    if not problems:
        recipe = tiny_profile(recipe) if tiny else recipe
        recipe = with_settings(recipe, settings, problems)
        recipe = recipe if repeats is None else dataclasses.replace(recipe, repeats=repeats)
        problems += problems_of(recipe)
    if problems:
        raise ConfigError(
            "\n  ".join([f"{path.name}: {plural(len(problems), 'problem')}:", *problems])
        )
    return recipe


def load_shipped() -> dict[str, Recipe]:
    """Return the recipes that come with medusa, by name."""
    return {name: load(name) for name in shipped()}
