"""A recipe that is made of options: a head for each set of features, and an ensemble of them."""

import re
from collections.abc import Sequence

from medusa.errors import ConfigError
from medusa.heads.queue.variants import variants
from medusa.recipes.definition.recipe import HeadEntry, Recipe, StackEntry
from medusa.recipes.definition.settings import with_settings
from medusa.recipes.definition.validation import problems_of
from medusa.strict import parts_of, read_yaml

STACK = "stack"


def recipe_of_heads(
    backbones: Sequence[str] = ("",),
    config: str = "small",
    settings: Sequence[str] = (),
    *,
    grid: Sequence[str] = (),
    stack: str | None = None,
) -> Recipe:
    """Return a recipe with a head for every set of features and every value of a grid.

    Args:
        backbones: the sets of features, each as `medusa fit-head --backbones` takes it; an empty
            text stands for all features.
        config: `medusa`, `small`, or the path of a YAML file.
        settings: `key=value` for all heads, or `stacks.stack.key=value` for the ensemble.
        grid: `key=v1,v2,...` each, such as `seed=0,1,2` or `head.name=logistic,svm`.
        stack: the method of an ensemble of all heads; None for no ensemble.

    Raises:
        ConfigError: a setting or a method is wrong; all are listed.
    """
    heads = dict[str, HeadEntry]()
    for text in dict.fromkeys(backbones):
        for one in variants((), None, grid):
            pairs = [override.partition("=") for override in one.overrides]
            values = {key: read_yaml(value) for key, _, value in pairs}
            heads[_name(text) + one.ending] = HeadEntry(tuple(parts_of(text)), values)
    stacks = {STACK: StackEntry(stack)} if stack else {}
    problems = list[str]()
    recipe = with_settings(
        Recipe(config=config, heads=heads, stacks=stacks, main=STACK if stack else ""),
        settings,
        problems,
    )
    # The features need no extraction, so the recipe does not list them.
    if problems := problems or problems_of(recipe, lists_features=False):
        raise ConfigError("\n  ".join(["the cross-validation:", *problems]))
    return recipe


def _name(features: str) -> str:
    """Return the name of a head by its features; `whisper:3,egemaps` is `whisper-3+egemaps`."""
    text = "+".join(parts_of(features)) or "all"
    return re.sub(r"[^\w+=-]", "-", text).strip("-")
