"""Read a recipe from its file: parse it, apply the small profile and the settings, check it."""

from collections.abc import Sequence

from medusa.errors import ConfigError, plural
from medusa.recipes.files import path_of, read_values
from medusa.recipes.recipe import Recipe
from medusa.recipes.settings import with_settings
from medusa.recipes.tiny_profile import tiny_profile
from medusa.recipes.validation import problems_of
from medusa.strict import parse


def load(name: str, settings: Sequence[str] = (), tiny: bool = False) -> Recipe:
    """Read a recipe by name, or a YAML file, and check all of it.

    Args:
        name: of a shipped recipe, or the path of a file.
        settings: `key=value` for all heads, `heads.NAME.key=value` for one,
            `stacks.NAME.key=value` for an ensemble.
        tiny: apply the small profile.

    Raises:
        ConfigError: no such recipe, or any number of wrong keys, names and values.
    """
    path = path_of(name)
    values, problems = read_values(path), list[str]()
    recipe: Recipe = parse(Recipe, values, "", problems)
    if not problems:
        recipe = tiny_profile(recipe) if tiny else recipe
        recipe = with_settings(recipe, settings, problems)
        problems += problems_of(recipe)
    if problems:
        raise ConfigError(
            "\n  ".join([f"{path.name}: {plural(len(problems), 'problem')}:", *problems])
        )
    return recipe
