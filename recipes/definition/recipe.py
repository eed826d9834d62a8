"""The records of a recipe: one YAML file that describes a whole system."""

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
    """How one feature store is extracted if it is missing: options of `medusa extract`.

    Attributes:
        backbone: the name of the backbone; by default the name of the feature.
        layers, reduce, like, average_frames, window_s: as the command takes them.
    """

    backbone: str | None = None
    layers: str | None = None
    reduce: str | None = None
    like: str | None = None
    average_frames: int | None = None
    window_s: float | None = None


@dataclass(frozen=True)
class HeadEntry:
    """One head: its features and the settings in which it differs from the recipe.

    Attributes:
        features: the names of its features; `name:20` for one of several layers, `name:*` for a
            learned sum of all layers.
        set: dotted settings of `medusa fit-head`.
        note: a remark for the tables.
        published: the scores of the source: `macro_f1`, `accuracy`.
    """

    features: tuple[str, ...] = ()
    set: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    published: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class StackEntry:
    """One ensemble of the recipe's heads: options of `medusa stack`.

    Attributes:
        method, fit_on, inputs, with_attributes, seeds, soup, prior: as the command takes them.
        heads: names or patterns.
        top: use only this many of the heads, the best on dev.
        note, published: as in `HeadEntry`.
    """

    method: str = "shrunken"
    fit_on: str = "dev"
    inputs: str = "posteriors"
    with_attributes: bool = False
    seeds: int = 6
    soup: str = "uniform"
    prior: float = 0.0
    heads: tuple[str, ...] = ("*",)
    top: int | None = None
    note: str = ""
    published: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ablation:
    """One change of its heads: dotted settings, and features that replace others."""

    title: str = ""
    set: dict[str, Any] = field(default_factory=dict)
    features: dict[str, str] = field(default_factory=dict)
    heads: tuple[str, ...] = ("*",)
    published: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TinyProfile:
    """The small profile: another configuration, other settings, replaced features."""

    config: str = "small"
    set: dict[str, Any] = field(default_factory=dict)
    features: dict[str, str] = field(default_factory=dict)
    repeats: int = 1


@dataclass(frozen=True)
class Recipe:
    """A whole recipe. In a file, `extends: NAME` starts from another recipe.

    Attributes:
        title, source: a title, and the publication.
        faithful, chosen, rules: the parts that are as published; our own decisions with their
            reasons; and whether the challenge's rules allow every backbone.
        config, set: the configuration and the settings from which all heads start.
        repeats: how many times everything is trained, each time from other seeds.
        shots: if it is set, every head learns from so many training rows of every class. Every
            repeat draws other rows.
        main: the stack that the report describes.
    """

    title: str = ""
    source: str = ""
    faithful: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    config: str = "medusa"
    set: dict[str, Any] = field(default_factory=dict)
    repeats: int = 1
    shots: int | None = None
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
        recipe: the recipe.
        head: the name of the head.
        ablation: an ablation of the recipe, or None.
        repeat: the number of the repeat from 0; each adds 1000 to the seed.

    Raises:
        ConfigError: a setting has a wrong key or value.
    """
    shots = {} if recipe.shots is None else {"train.shots": recipe.shots}
    settings = shots | recipe.set | recipe.heads[head].set
    if ablation is not None:
        settings = settings | recipe.ablations[ablation].set
    config = load_config(recipe.config, tuple(f"{k}={json.dumps(v)}" for k, v in settings.items()))
    return dataclasses.replace(config, seed=config.seed + 1000 * repeat)


def features_of(recipe: Recipe, head: str, ablation: str | None = None) -> tuple[str, ...]:
    """Return the features of one head, as `medusa fit-head --backbones` takes them."""
    swapped = recipe.ablations[ablation].features if ablation is not None else {}
    return tuple(swap(name, swapped) for name in recipe.heads[head].features)


def matching(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """Return the names that fit any of the patterns, in their order."""
    return [name for name in names if any(fnmatch.fnmatchcase(name, one) for one in patterns)]


def swap(name: str, swapped: dict[str, str]) -> str:
    """Return the feature that stands in for this one; `:layer` is kept."""
    feature, colon, layer = name.partition(":")
    return f"{swapped.get(feature, feature)}{colon}{layer}"
