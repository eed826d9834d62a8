"""Predictions as a table: one row for each recording, with a column for each class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from medusa.errors import ConfigError, nearest
from medusa.inference.audio_input import AudioInput
from medusa.inference.prediction import Predicted
from medusa.manifests import ATTRIBUTES

UNSURE = "unsure"


def chosen_classes(wanted: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    """Return the classes of the results, in the order in which they were chosen.

    Raises:
        ConfigError: a class is unknown or comes twice, or fewer than two are chosen.
    """
    if wanted is None:
        return list(known)
    odd = [f"{name!r}{nearest(name, known)}" for name in wanted if name not in known]
    if odd or len(set(wanted)) < len(wanted) or len(wanted) < 2:
        found = f"no class {', '.join(odd)}" if odd else ", ".join(wanted) or "none"
        raise ConfigError(
            f"--classes: expected two or more different classes of {', '.join(known)}; found "
            f"{found}"
        )
    return list(wanted)


def result_table(
    rows: Sequence[tuple[AudioInput, Predicted]],
    known: Sequence[str],
    wanted: Sequence[str] | None = None,
    threshold: float | None = None,
) -> pd.DataFrame:
    """Return the predictions of B recordings as a table.

    Args:
        rows: the recordings with their predictions.
        known: the C classes of the model.
        wanted: some of the classes; their posteriors are divided by their sum.
        threshold: a label with less confidence becomes `unsure`.

    Returns:
        The columns `path`, `start`, `end` (seconds), `p_<class>`, `label`, `confidence` (the
        posterior of the label), `arousal`, `valence`, `dominance`, `transcript` and `flags`.

    Raises:
        ConfigError: a class is unknown, or the threshold is not between 0 and 1.
    """
    names = chosen_classes(wanted, known)
    if threshold is not None and not 0 <= threshold <= 1:
        raise ConfigError(f"--threshold {threshold:g}: expected a probability from 0 to 1")
    every = np.array([one.posteriors for _, one in rows], np.float64).reshape(len(rows), len(known))
    shares = every[:, [list(known).index(name) for name in names]]
    if wanted is not None:
        shares = shares / np.maximum(shares.sum(1, keepdims=True), 1e-300)
    best, confidence = shares.argmax(1), shares.max(1, initial=0.0)
    label = np.array(names, object)[best]
    if threshold is not None:
        label[confidence < threshold] = UNSURE
    columns: dict[str, Any] = {
        "path": [one.path for one, _ in rows],
        "start": [one.start_s for one, _ in rows],
        "end": [one.end_s for one, _ in rows],
        **{f"p_{name}": shares[:, column] for column, name in enumerate(names)},
        "label": label,
        "confidence": confidence,
    }
    for column, name in enumerate(ATTRIBUTES):
        columns[name] = [
            np.nan if one.attributes is None else float(one.attributes[column]) for _, one in rows
        ]
    columns["transcript"] = [one.transcript for _, one in rows]
    columns["flags"] = [list(one.flags) for _, one in rows]
    return pd.DataFrame(columns)
