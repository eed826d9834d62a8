"""Seeds and grids: the overrides of every head that one command trains."""

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from medusa.errors import ConfigError
from medusa.strict import parts_of, shown

MOST_HEADS = 10_000


@dataclass(frozen=True)
class Variant:
    """One head: its overrides, and the ending of its name."""

    overrides: tuple[str, ...]
    ending: str = ""


def variants(overrides: tuple[str, ...], seeds: str | None, grid: Sequence[str]) -> list[Variant]:
    """Return every combination of the grid's values and the seeds, seeds last.

    Args:
        overrides: `key=value`, the same for all heads.
        seeds: `0-4`, `0,7`, or a mixture.
        grid: `key=v1,v2,...` each.

    Raises:
        ConfigError: an argument has another form, or a key or value occurs twice.
    """
    axes = [_axis(text) for text in grid]
    keys = [text.partition("=")[0] for text in grid] + ["seed"] * (seeds is not None)
    fixed = [text.partition("=")[0] for text in overrides]
    if twice := sorted({key for key in keys if [*keys, *fixed].count(key) > 1}):
        raise ConfigError(f"--grid, --seeds, --set: {', '.join(twice)} twice; give every key once")
    if seeds is not None:
        axes.append([Variant((f"seed={seed}",), f"-s{seed}") for seed in _seeds(seeds)])
    if math.prod(map(len, axes)) > MOST_HEADS:
        raise ConfigError(f"--grid, --seeds: expected at most {MOST_HEADS} heads in one command")
    combinations = []
    for values in itertools.product(*axes):
        own = [override for value in values for override in value.overrides]
        ending = "".join(value.ending for value in values)
        combinations.append(Variant((*overrides, *own), ending))
    if len({variant.ending for variant in combinations}) < len(combinations):
        raise ConfigError("--grid, --seeds: the same head twice; give every value once")
    return combinations


def _axis(text: str) -> list[Variant]:
    """Return a variant for each value of one `key=v1,v2`."""
    key, equals, values = text.partition("=")
    choices = parts_of(values)
    if not equals or not choices:
        raise ConfigError(f"--grid {text}: expected KEY=V1,V2,...")
    last = key.rsplit(".", 1)[-1]
    clean = [re.sub(r"[^A-Za-z0-9._+-]", "_", value) for value in choices]
    return [
        Variant((f"{key}={value}",), f"-{last}={label}")
        for value, label in zip(choices, clean, strict=True)
    ]


def _seeds(text: str) -> list[int]:
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,20})(?:\s*-\s*(\d{1,20}))?\s*", part)
        if not match or int(match[2] or match[1]) < int(match[1]):
            raise ConfigError(f"--seeds {shown(text)}: expected 0-4, or 0,7,9")
        first, last = int(match[1]), int(match[2] or match[1])
        if last - first + len(seeds) >= MOST_HEADS:
            raise ConfigError(f"--seeds {shown(text)}: expected at most {MOST_HEADS} seeds")
        seeds.extend(range(first, last + 1))
    return seeds
