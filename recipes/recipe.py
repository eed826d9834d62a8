"""A recipe: one YAML file that says what a whole system is made of."""

import dataclasses
import fnmatch
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from medusa.heads.config import Config
from medusa.heads.config import load as load_config


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
class HeadEntry:
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
class StackEntry:
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
class TinyProfile:
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
    heads: dict[str, HeadEntry] = field(default_factory=dict)
    stacks: dict[str, StackEntry] = field(default_factory=dict)
    ablations: dict[str, Ablation] = field(default_factory=dict)
    published: dict[str, float] = field(default_factory=dict)
    main: str = ""
    tiny: TinyProfile = field(default_factory=TinyProfile)


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
    return tuple(swap(name, swapped) for name in recipe.heads[head].features)


def matching(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """Return the names that any pattern fits, in their order."""
    return [name for name in names if any(fnmatch.fnmatchcase(name, one) for one in patterns)]


def swap(name: str, swapped: dict[str, str]) -> str:
    """Return the feature that stands in for this one; `:layer` is kept."""
    feature, colon, layer = name.partition(":")
    return f"{swapped.get(feature, feature)}{colon}{layer}"
