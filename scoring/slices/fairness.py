"""The largest gaps between groups of speakers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from medusa.scoring.metrics import SCORES, Floats
from medusa.scoring.resampling import shifted_interval


def fairness(matrices: Floats, names: Sequence[str]) -> dict[str, Any]:
    """Return the largest gap of the macro-F1, and the largest violation of equalised odds.

    Equalised odds (Hardt et al., 2016) hold if the groups have equal recalls, and equal rates of
    false alarms, for every class. The violation is the largest difference of either rate between
    two groups. A rate counts only for groups that have utterances for it.

    Args:
        matrices: (1 + draws, G, C, C) confusion matrices; the first of them is observed, and the
            others are resampled.
        names: the names of the G groups.

    Returns:
        `gap`, the `value` and the `interval` of the highest minus the lowest macro-F1; `highest`
        and `lowest`, the names of their groups; and `equalised_odds`, the `value` and the
        `interval` of the violation, and `class`, the number of its class.
    """
    present = (matrices.sum((2, 3)) > 0).all(1)
    matrices = matrices[present]
    scores = SCORES["macro_f1"].formula(matrices)
    gaps = scores.max(1) - scores.min(1)
    violations = odds_violations(matrices)
    return {
        "gap": _shifted(gaps),
        "highest": names[int(scores[0].argmax())],
        "lowest": names[int(scores[0].argmin())],
        "equalised_odds": _shifted(violations.max(1)) | {"class": int(violations[0].argmax())},
    }


def odds_violations(matrices: Floats) -> Floats:
    """Return the largest difference of recall or false alarms between groups: (..., C).

    Args:
        matrices: (..., G, C, C) confusion matrices of G groups.
    """
    hits = np.diagonal(matrices, axis1=-2, axis2=-1)
    support, called = matrices.sum(-1), matrices.sum(-2)
    others = matrices.sum((-2, -1))[..., None] - support
    gaps = [_spread(hits, support), _spread(called - hits, others)]
    violations: Floats = np.maximum(*gaps)
    return violations


def _shifted(values: Floats) -> dict[str, Any]:
    """Return the first value, and the interval of the other values."""
    observed = float(values[0])
    return {"value": observed, "interval": shifted_interval(values[1:], observed)}


def _spread(top: Floats, bottom: Floats) -> Floats:
    """Return the largest minus the smallest ratio over the groups, without those of 0 / 0."""
    known = bottom > 0
    ratio = np.divide(top, bottom, out=np.zeros_like(bottom, np.float64), where=known)
    high = np.where(known, ratio, 0).max(-2)
    low = np.where(known, ratio, 1).min(-2)
    spread: Floats = np.where(known.sum(-2) > 1, high - low, 0)
    return spread
