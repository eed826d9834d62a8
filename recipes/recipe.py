"""A recipe: one YAML file that says what a whole system is made of."""

import dataclasses
import fnmatch
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from medusa.errors import listed, nearest, plural
from medusa.heads.config import Config
from medusa.heads.config import load as load_config
from medusa.recipes.files import RecipeError, path_of, read_values
from medusa.strict import parse, read_yaml, unreadable


@dataclass(frozen=True)
class Feature:
    """How one store is extracted, where it is not there yet: options of `medusa extract`.

    Attributes:
        backbone: its name; by default the feature's own.
        layers, reduce, like, pool, window_s: as the command takes them.
    """

    backbone: str | None = None
    layers: str | None = None
    reduce: str | None = None
    like: str | None = None
    pool: int | None = None
    window_s: float | None = None


@dataclass(frozen=True)
class Head:
    """One head: its features, and where it differs from the recipe's settings.

    Attributes:
        features: names; `name:layer_20` or `name:*` where layers are kept apart.
        set: dotted settings of `medusa fit-head`.
        note: what is said about it in tables.
        published: the source's numbers: `macro_f1`, `accuracy`.
    """

    features: tuple[str, ...] = ()
    set: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    published: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Stack:
    """One ensemble of the recipe's heads: options of `medusa stack`.

    Attributes:
        method, fit_on, inputs, with_attributes, seeds, soup: as the command takes them.
        heads: names or patterns.
        top: only so many of them, the best on dev.
        note, published: as a head's.
    """

    method: str = "linear"
    fit_on: str = "dev"
    inputs: str = "posteriors"
    with_attributes: bool = False
    seeds: int = 6
    soup: str = "uniform"
    heads: tuple[str, ...] = ("*",)
    top: int | None = None
    note: str = ""
    published: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ablation:
    """One thing changed in every head: dotted settings, other features in place of some."""

    title: str = ""
    set: dict[str, Any] = field(default_factory=dict)
    features: dict[str, str] = field(default_factory=dict)
    heads: tuple[str, ...] = ("*",)
    published: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Tiny:
    """The small profile: another configuration, settings, stand-ins for features."""

    config: str = "small"
    set: dict[str, Any] = field(default_factory=dict)
    features: dict[str, str] = field(default_factory=dict)
    repeats: int = 1


@dataclass(frozen=True)
class Recipe:
    """All of it. `extends: NAME` in a file takes another recipe and changes it.

    Attributes:
        title, source: what it is, where it was published.
        faithful, chosen, rules: what is as published, what was decided here and why, and whether
            the challenge's rules allow every backbone.
        config, set: what all heads start from.
        repeats: how often everything is trained, each time from other seeds.
        main: the stack that the report is about.
    """

    title: str = ""
    source: str = ""
    faithful: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    config: str = "medusa"
    set: dict[str, Any] = field(default_factory=dict)
    repeats: int = 1
    features: dict[str, Feature] = field(default_factory=dict)
    heads: dict[str, Head] = field(default_factory=dict)
    stacks: dict[str, Stack] = field(default_factory=dict)
    ablations: dict[str, Ablation] = field(default_factory=dict)
    published: dict[str, float] = field(default_factory=dict)
    main: str = ""
    tiny: Tiny = field(default_factory=Tiny)


def load(name: str, settings: Sequence[str] = (), tiny: bool = False) -> Recipe:
    """Read a recipe by name, or a YAML file, and check all of it.

    Args:
        name: of a shipped recipe, or the path of a file.
        settings: `key=value` for all heads, `heads.NAME.key=value` for one,
            `stacks.NAME.key=value` for an ensemble.
        tiny: apply the small profile.

    Raises:
        RecipeError: no such recipe, or any number of wrong keys, names and values.
    """
    path = path_of(name)
    values, problems = read_values(path), list[str]()
    recipe: Recipe = parse(Recipe, values, "", problems)
    if not problems:
        recipe = _tiny(recipe) if tiny else recipe
        recipe = _changed(recipe, settings, problems)
        from medusa.recipes.validation import mistakes  # which asks for configurations here

        problems += mistakes(recipe)
    if problems:
        raise RecipeError(
            "\n  ".join([f"{path.name}: {plural(len(problems), 'problem')}:", *problems])
        )
    return recipe


def config_of(recipe: Recipe, head: str, ablation: str | None = None, repeat: int = 0) -> Config:
    """Return the resolved configuration of one head.

    Args:
        recipe: all of it.
        head: its name.
        ablation: of the recipe, or None.
        repeat: 0, 1, ...: added to the seed, a thousand each.

    Raises:
        ConfigError: wrong keys or values.
    """
    settings = recipe.set | recipe.heads[head].set
    if ablation is not None:
        settings = settings | recipe.ablations[ablation].set
    config = load_config(recipe.config, tuple(f"{k}={json.dumps(v)}" for k, v in settings.items()))
    return dataclasses.replace(config, seed=config.seed + 1000 * repeat)


def features_of(recipe: Recipe, head: str, ablation: str | None = None) -> tuple[str, ...]:
    """Return the features of one head, as `medusa fit-head --backbones` takes them."""
    swapped = recipe.ablations[ablation].features if ablation is not None else {}
    return tuple(_swap(name, swapped) for name in recipe.heads[head].features)


def matching(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """Return the names that any pattern fits, in their order."""
    return [name for name in names if any(fnmatch.fnmatchcase(name, one) for one in patterns)]


def _swap(name: str, swapped: dict[str, str]) -> str:
    feature, colon, layer = name.partition(":")
    return f"{swapped.get(feature, feature)}{colon}{layer}"


def _swapped(one: Ablation, swapped: dict[str, str]) -> Ablation:
    pairs = {_swap(old, swapped): _swap(new, swapped) for old, new in one.features.items()}
    return dataclasses.replace(one, features=pairs)


def _tiny(recipe: Recipe) -> Recipe:
    """Return the small profile: its settings win over the recipe's and every head's own."""
    small = recipe.tiny
    heads = {
        name: dataclasses.replace(
            head,
            features=tuple(dict.fromkeys(_swap(one, small.features) for one in head.features)),
            set=head.set | {key: small.set[key] for key in head.set if key in small.set},
        )
        for name, head in recipe.heads.items()
    }
    ablations = {name: _swapped(one, small.features) for name, one in recipe.ablations.items()}
    used = {one.partition(":")[0] for head in heads.values() for one in head.features}
    used |= {new for one in ablations.values() for new in one.features.values()}
    known = {name: Feature() for name in small.features.values()} | recipe.features
    return dataclasses.replace(
        recipe,
        config=small.config,
        set=recipe.set | small.set,
        repeats=small.repeats,
        heads=heads,
        ablations=ablations,
        features={name: one for name, one in known.items() if name in used},
    )


def _changed(recipe: Recipe, settings: Sequence[str], problems: list[str]) -> Recipe:
    """Apply `key=value` settings, the particular ones last; collect what is wrong with them."""
    for setting in sorted(settings, key=lambda one: one.startswith(("heads.", "stacks."))):
        wrong: list[str] = []
        changed = _with(recipe, setting, wrong)
        recipe = recipe if wrong else changed
        problems += wrong
    return recipe


def _with(recipe: Recipe, setting: str, problems: list[str]) -> Recipe:
    """Return the recipe with one `key=value`; if that adds to the problems, it does not count."""
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
        there = listed(group, 20) or f"no {kind}"
        problems.append(f"--set {setting}: no {kind} {parts[1]!r}{hint}; there is {there}")
        return recipe
    one: Any = group[parts[1]]
    if parts[0] == "heads":
        one = dataclasses.replace(one, set=one.set | {parts[2]: value})
    else:
        one = parse(
            Stack, dataclasses.asdict(one) | {parts[2]: value}, f"stacks.{parts[1]}", problems
        )
    changed: dict[str, Any] = {parts[0]: group | {parts[1]: one}}
    return dataclasses.replace(recipe, **changed)


def _value(setting: str, text: str, problems: list[str]) -> Any:
    try:
        return parse(Any, read_yaml(text), f"--set {setting}", problems)
    except yaml.YAMLError:
        problems.append(unreadable(setting))


def _set_for_all(recipe: Recipe, key: str, value: Any) -> Recipe:
    """Return the recipe with a setting that no head's own keeps from being so."""
    heads = {
        name: dataclasses.replace(head, set={k: v for k, v in head.set.items() if k != key})
        for name, head in recipe.heads.items()
    }
    return dataclasses.replace(recipe, set=recipe.set | {key: value}, heads=heads)
