"""The settings of many heads that differ, and their scores on dev and on test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medusa.heads.runs.run_dir import RunDir
from medusa.heads.tracking.run_record import flat_settings
from medusa.manifests import Manifest
from medusa.scoring import (
    SCORES,
    Predictions,
    confusion,
    interval,
    resampled_confusions,
    truth_of,
)

SPLITS = ("dev", "test")
SCORE = "macro_f1"
NO_SETTING = ("kind", "format", "manifest", "classes", "trained_on", "utterances", "text")


@dataclass(frozen=True)
class HeadTable:
    """Heads and their scores.

    Attributes:
        settings: the settings that are not alike in all heads, by their dotted path.
        rows: for each head `name`, `features`, `settings` (a text for each setting, empty where
            the head does not have it), and `dev` and `test`: None, or the `value` and the
            `interval` of the macro-F1.
    """

    settings: list[str]
    rows: list[dict[str, Any]]


def head_rows(runs: Sequence[RunDir], manifest: Manifest) -> HeadTable:
    """Return the table of finished heads, the best one on dev first.

    Raises:
        RunError: a run is not finished, or the manifest has changed since its training.
    """
    configs = [run.config() for run in runs]
    flat = [_settings(one) for one in configs]
    names = dict.fromkeys(name for one in flat for name in one)
    differing = [name for name in names if len({one.get(name) for one in flat}) > 1]
    rows = [
        {
            "name": run.name,
            "features": " + ".join(map(_feature, config.get("features", []))),
            "settings": [one.get(name, "") for name in differing],
            **_scores(run.predictions(), manifest),
        }
        for run, config, one in zip(runs, configs, flat, strict=True)
    ]
    return HeadTable(differing, sorted(rows, key=_order))


def _settings(config: dict[str, Any]) -> dict[str, str]:
    """Return the settings without the identity of the data; features have a column of their own."""
    own = {key: one for key, one in config.items() if key not in (*NO_SETTING, "features")}
    return dict(flat_settings(own))


def _feature(one: dict[str, Any]) -> str:
    return f"{one['backbone']}:{str(one.get('array', '')).removeprefix('layer_')}"


def _order(row: dict[str, Any]) -> float:
    return -row["dev"]["value"] if row["dev"] else 1.0


def _scores(predictions: Predictions, manifest: Manifest) -> dict[str, Any]:
    """Return the macro-F1 and its interval on each split; None without predictions or labels."""
    found: dict[str, Any] = dict.fromkeys(SPLITS)
    for split in SPLITS:
        if split not in set(predictions.frame["split"]):
            continue
        part = predictions.split(split)
        truth = truth_of(manifest, part.ids, [split] * len(part.ids), part.classes)
        if not truth.labelled.any():
            continue
        known, classes = truth.rows(truth.labelled), len(part.classes)
        chosen = part.logits().argmax(1)[truth.labelled]
        formula = SCORES[SCORE].formula
        drawn = resampled_confusions(known.labels, chosen, classes, known.blocks)
        value = float(formula(confusion(known.labels, chosen, classes)))
        found[split] = {"value": value, "interval": list(interval(formula(drawn)))}
    return found
