"""Check a recipe: collect every name that does not exist and every invalid value."""

from collections.abc import Iterable, Sequence

from medusa.ensemble.soup import SOUPS
from medusa.ensemble.stacker import INPUTS
from medusa.ensemble.stackers import STACKERS
from medusa.errors import ConfigError, nearest
from medusa.recipes.definition.recipe import (
    Ablation,
    Feature,
    HeadEntry,
    Recipe,
    StackEntry,
    config_of,
    matching,
)
from medusa.strict import quoted
from medusa.workspace import LONGEST_NAME, NAME

AVERAGED, LEAST_WINDOW_S = (1, 2, 4), 1.0  # the values that `medusa extract` accepts
STACK_CHOICES: dict[str, Iterable[str]] = {"method": STACKERS, "inputs": INPUTS, "soup": SOUPS}


def problems_of(recipe: Recipe, lists_features: bool = True) -> list[str]:
    """Return one line for every name that does not exist and every invalid setting.

    Args:
        recipe: the recipe.
        lists_features: whether `features` lists every feature that a head reads.
    """
    problems = []
    if not recipe.heads:
        problems.append("heads: expected at least one")
    for kind in ("heads", "stacks", "ablations"):
        problems += _wrong_names(kind, getattr(recipe, kind))
    for name, feature in recipe.features.items():
        problems += _wrong_feature(f"features.{name}", feature)
    if lists_features:
        problems += _unlisted(recipe)
    for name, stack in recipe.stacks.items():
        problems += _unmatched(f"stacks.{name}", stack.heads, recipe.heads)
        problems += _wrong_stack(f"stacks.{name}", stack, list(recipe.heads))
    for name, ablation in recipe.ablations.items():
        problems += _unmatched(f"ablations.{name}", ablation.heads, recipe.heads)
        problems += _wrong_features(f"ablations.{name}", ablation, recipe)
    for where, repeats in (("repeats", recipe.repeats), ("tiny.repeats", recipe.tiny.repeats)):
        if repeats < 1:
            problems.append(f"{where} {repeats}: expected at least 1")
    if recipe.shots is not None and recipe.repeats < 2:
        problems.append(
            f"shots {recipe.shots}: expected repeats of 2 or more, because one draw has no interval"
        )
    if recipe.main and recipe.main not in recipe.stacks:
        problems.append(f"main: no stack {recipe.main!r}{nearest(recipe.main, recipe.stacks)}")
    return problems + _wrong_settings(recipe)


def _wrong_names(kind: str, names: Iterable[str]) -> list[str]:
    """Check names that become parts of the names of runs."""
    return [
        f"{kind}: {quoted(name)}: expected one word of letters, digits, dots and dashes"
        for name in names
        if not NAME.fullmatch(name) or len(name) > LONGEST_NAME
    ]


def _unlisted(recipe: Recipe) -> list[str]:
    """Check that every head reads features, and that the recipe lists them."""
    problems = []
    for name, head in recipe.heads.items():
        if not head.features:
            problems.append(f"heads.{name}.features: expected at least one")
        for one in (feature.partition(":")[0] for feature in head.features):
            if one not in recipe.features:
                problems.append(
                    f"heads.{name}: {one!r} is not in features{nearest(one, recipe.features)}"
                )
    return problems


def _wrong_feature(where: str, feature: Feature) -> list[str]:
    problems = []
    if feature.average_frames is not None and feature.average_frames not in AVERAGED:
        problems.append(
            f"{where}.average_frames {feature.average_frames}: expected one of {AVERAGED}"
        )
    if feature.window_s is not None and feature.window_s < LEAST_WINDOW_S:
        problems.append(f"{where}.window_s {feature.window_s:g}: expected at least 1 s")
    return problems


def _unmatched(where: str, patterns: Sequence[str], heads: dict[str, HeadEntry]) -> list[str]:
    return [
        f"{where}.heads: {one!r} fits no head{nearest(one, heads)}"
        for one in patterns
        if not matching(list(heads), [one])
    ]


def _wrong_stack(where: str, stack: StackEntry, heads: Sequence[str]) -> list[str]:
    problems = [
        f"{where}.{key}: {value!r} is not one of {', '.join(known)}{nearest(value, known)}"
        for key, known in STACK_CHOICES.items()
        if (value := getattr(stack, key)) not in known
    ]
    count = len(matching(heads, stack.heads))
    if stack.top is not None and not 1 <= stack.top <= count:
        problems.append(f"{where}.top {stack.top}: expected 1 to {count}, the number of its heads")
    if stack.seeds < 1:
        problems.append(f"{where}.seeds {stack.seeds}: expected at least 1")
    return problems


def _wrong_features(where: str, ablation: Ablation, recipe: Recipe) -> list[str]:
    """Check that the heads read the replaced features and that the new features exist."""
    heads = matching(list(recipe.heads), ablation.heads)
    read = {one.partition(":")[0] for head in heads for one in recipe.heads[head].features}
    problems = [
        f"{where}.features: {old!r} is read by none of its heads{nearest(old, read)}"
        for old in ablation.features
        if old not in read
    ]
    return problems + [
        f"{where}.features: {new!r} is not in features{nearest(new, recipe.features)}"
        for new in ablation.features.values()
        if new not in recipe.features
    ]


def _wrong_settings(recipe: Recipe) -> list[str]:
    """Build every head's configuration; the same problem is reported once."""
    problems: dict[str, str] = {}
    for head in recipe.heads:
        for ablation in (None, *recipe.ablations):
            try:
                config_of(recipe, head, ablation)
            except ConfigError as problem:
                where = f"heads.{head}" + (f", ablation {ablation}" if ablation else "")
                lines = str(problem).split("\n  ")
                for line in lines[1:] or lines:
                    problems.setdefault(line, where)
    return [f"{where}: {line}" for line, where in problems.items()]
