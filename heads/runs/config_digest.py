"""When two resolved configurations are the same, their digest, and where they differ."""

import hashlib
import json
from typing import Any

from medusa.errors import listed

# The `format` of a configuration. Raise it if the code gives another run for the same settings and
# data: then no older run is up to date.
FORMAT = 1
# Settings that were added later, with the value that changes nothing. Older runs stay valid.
ADDED_LATER: dict[str, dict[str, Any]] = {
    "train": {"compile": False, "shots": None},
    "head": {
        "functionals": [
            "mean", "deviation", "delta_mean", "delta_deviation", "q10", "q50", "q90",
        ],
        "normalise_layers": False,
        "normalise_speakers": False,
        "heads_by_modality": [1],
    },
    "mixup": {"within": None},
}  # fmt: skip
NAMED = (("members", "name"), ("features", "backbone"), ("stages", "name"))  # These are lists.


def digest_of(config: dict[str, Any]) -> str:
    """Return 16 hex digits of a resolved configuration, the same as before `ADDED_LATER`."""
    text = json.dumps(comparable(config), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def plain(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration as it is read from YAML (tuples become lists)."""
    values: dict[str, Any] = json.loads(json.dumps(config))
    return values


def comparable(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration without `ADDED_LATER` and `format: 1`, which change nothing.

    The rate of the layers' weights is without effect where no modality sums layers.
    """
    values = plain(config)
    if values.get("format") == 1:
        del values["format"]
    if isinstance(values.get("train"), dict) and not _sums_layers(values):
        values["train"].pop("layer_rate", None)
    for section, neutral in ADDED_LATER.items():
        if isinstance(values.get(section), dict):
            settings = values[section].items()
            values[section] = {k: v for k, v in settings if k not in neutral or v != neutral[k]}
    return values


def _sums_layers(values: dict[str, Any]) -> bool:
    """Return whether a modality of a head is a learned sum of layers."""
    features = values.get("features")
    entries = features if isinstance(features, list) else []
    return any(isinstance(one, dict) and "+" in str(one.get("array")) for one in entries)


def difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Return where two configurations differ: in members, backbones or stages, else the first key.

    Args:
        old: of the existing run.
        new: of this command.
    """
    old, new = comparable(old), comparable(new)
    if old.get("kind") == new.get("kind"):
        for key, part in NAMED:
            names = [[entry[part] for entry in config.get(key, ())] for config in (old, new)]
            if names[0] != names[1]:
                run, command = (listed(values, 20) for values in names)
                return f"{key}: the run has {run}; this command has {command}"
    return _first_difference(old, new)


def _first_difference(old: Any, new: Any, key: str = "") -> str:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            if old.get(name) != new.get(name):
                return _first_difference(old.get(name), new.get(name), f"{key}.{name}".lstrip("."))
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (old_item, new_item) in enumerate(zip(old, new, strict=True)):
            if old_item != new_item:
                return _first_difference(old_item, new_item, f"{key}.{index}")
    return f"{key or 'all'}: the run has {old!r}; this command has {new!r}"
