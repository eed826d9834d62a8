"""The allowed range of every numeric setting. Other numbers would make a training fail late."""

import math
from collections.abc import Callable, Iterator
from typing import Any


def out_of_range(values: dict[str, Any]) -> list[str]:
    """Return a line for every number of a configuration that LIMITS does not allow.

    Args:
        values: the dictionary of `Config.to_dict()`. Every stage is checked.
    """
    problems = []
    for key, value in _leaves(values):
        setting = ".".join(part for part in key.split(".") if not part.isdigit())
        words, allowed = LIMITS.get(setting, ("a number", lambda value: True))
        if isinstance(value, int | float) and not (math.isfinite(value) and allowed(value)):
            problems.append(f"{key}: expected {words}, got {value}")
    return problems


def _leaves(values: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted key and the value of every setting that is not a dictionary or list."""
    if isinstance(values, dict | list | tuple):
        pairs = values.items() if isinstance(values, dict) else enumerate(values)
        for key, value in pairs:
            yield from _leaves(value, f"{where}.{key}".lstrip("."))
    else:
        yield where, values


Limit = tuple[str, Callable[[float], bool]]
ONE_OR_MORE: Limit = ("at least 1", lambda value: value >= 1)
NOT_NEGATIVE: Limit = ("0 or more", lambda value: value >= 0)
POSITIVE: Limit = ("more than 0", lambda value: value > 0)
BELOW_ONE: Limit = ("from 0 to below 1", lambda value: 0 <= value < 1)
SHARE: Limit = ("a number from 0 to 1", lambda value: 0 <= value <= 1)

# A setting that is not listed here may be any finite number.
LIMITS: dict[str, Limit] = {
    "seed": ("from 0 to below 2**63", lambda value: 0 <= value < 2**63),
    "head.width": ONE_OR_MORE,
    "head.layers": ONE_OR_MORE,
    "head.attention_heads": ONE_OR_MORE,
    "head.feedforward": ONE_OR_MORE,
    "head.dropout": BELOW_ONE,
    "head.average_frames": ONE_OR_MORE,
    "loss.class_weight": NOT_NEGATIVE,
    "loss.attribute_weight": NOT_NEGATIVE,
    "mixup.p": SHARE,
    "mixup.alpha": POSITIVE,
    "train.batch": ONE_OR_MORE,
    "train.weight_decay": NOT_NEGATIVE,
    "train.patience": ONE_OR_MORE,
    "train.draws": ONE_OR_MORE,
    "train.per_class": ONE_OR_MORE,
    "stages.epochs": ONE_OR_MORE,
    "stages.lr": POSITIVE,
    "stages.no_consensus": NOT_NEGATIVE,
    "stages.floor": SHARE,
    "stages.warmup": SHARE,
    "stages.clip": POSITIVE,
    "train.label_smoothing": SHARE,
    "train.annotator_dropout": BELOW_ONE,
    "train.decay": BELOW_ONE,
    "train.micro": ONE_OR_MORE,
    "train.folds": ("0, or 2 or more", lambda value: value == 0 or value >= 2),
    "loss.neutral_weight": NOT_NEGATIVE,
    "loss.secondary_weight": NOT_NEGATIVE,
    "loss.focal_gamma": NOT_NEGATIVE,
    "loss.vector_gamma": NOT_NEGATIVE,
    "loss.vector_tau": NOT_NEGATIVE,
}
