"""Changes of a recipe from the command line: `key=value` for all heads, one head or a stack."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import yaml

from medusa.errors import listed, nearest
from medusa.recipes.definition.recipe import Recipe, StackEntry
from medusa.strict import parse, read_yaml, unreadable


def with_settings(recipe: Recipe, settings: Sequence[str], problems: list[str]) -> Recipe:
    """Apply `key=value` settings and collect the problems; single heads and stacks come last."""
    for setting in sorted(settings, key=lambda one: one.startswith(("heads.", "stacks."))):
        wrong: list[str] = []
        changed = _with(recipe, setting, wrong)
        recipe = recipe if wrong else changed
        problems += wrong
    return recipe


def _with(recipe: Recipe, setting: str, problems: list[str]) -> Recipe:
    """Return the recipe with one `key=value`; the caller ignores it if problems were added."""
    key, equals, text = setting.partition("=")
    if not equals:
        problems.append(f"--set {setting}: expected key=value")
        return recipe
    value, parts = _value(setting, text, problems), key.split(".", 2)
    if problems:
        return recipe
    groups: dict[str, dict[str, Any]] = {"heads": {**recipe.heads}, "stacks": {**recipe.stacks}}
    group = groups.get(parts[0])
    if group is None:
        return _set_for_all(recipe, key, value)
    if len(parts) < 3:
        problems.append(f"--set {setting}: expected {parts[0]}.NAME.key=value")
        return recipe
    if parts[1] not in group:
        kind, hint = parts[0].removesuffix("s"), nearest(parts[1], group)
        known = listed(group, 20) or f"no {kind}"
        problems.append(f"--set {setting}: no {kind} {parts[1]!r}{hint}; expected one of {known}")
        return recipe
    one: Any = group[parts[1]]
    if parts[0] == "heads":
        one = dataclasses.replace(one, set=one.set | {parts[2]: value})
    else:
        one = parse(
            StackEntry, dataclasses.asdict(one) | {parts[2]: value}, f"stacks.{parts[1]}", problems
        )
    changed: dict[str, Any] = {parts[0]: group | {parts[1]: one}}
    return dataclasses.replace(recipe, **changed)


def _value(setting: str, text: str, problems: list[str]) -> Any:
    try:
        return parse(Any, read_yaml(text), f"--set {setting}", problems)
    except yaml.YAMLError:
        problems.append(unreadable(setting))


def _set_for_all(recipe: Recipe, key: str, value: Any) -> Recipe:
    """Return the recipe with a setting for all heads, which overrides the heads' own settings."""
    heads = {
        name: dataclasses.replace(head, set={k: v for k, v in head.set.items() if k != key})
        for name, head in recipe.heads.items()
    }
    return dataclasses.replace(recipe, set=recipe.set | {key: value}, heads=heads)
