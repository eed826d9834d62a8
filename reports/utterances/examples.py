"""The utterances that are worth a look: the most confidently wrong, and the most ambiguous."""

from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.reports.utterances.sound import recording_of_row
from medusa.reports.utterances.split_rows import SplitRows

SHOWN = 6


def examples(split: SplitRows, with_audio: bool = False) -> dict[str, Any]:
    """Return a few utterances with their posteriors, raters, text and waveform.

    Args:
        split: the utterances.
        with_audio: whether the recordings are encoded, so that the page can play them.

    Returns:
        `wrong`, the wrong predictions with the largest posteriors; `ambiguous`, the utterances
        whose raters differ most, or without raters those whose two largest posteriors are closest;
        `by_raters`, whether raters chose them; and `recordings`, how many recordings are encoded.
    """
    confidence, predicted = split.posteriors.max(1), split.posteriors.argmax(1)
    wrong = split.truth.labelled & (predicted != split.truth.labels)
    ambiguity, by_raters = _ambiguity(split)
    parts = {
        "wrong": [row for row in np.argsort(-confidence, kind="stable") if wrong[row]][:SHOWN],
        "ambiguous": np.argsort(-ambiguity, kind="stable")[:SHOWN].tolist(),
    }
    found = {
        name: [_example(split, int(row), with_audio) for row in rows]
        for name, rows in parts.items()
    }
    ids = {one["id"] for part in found.values() for one in part if one["audio"]}
    return {**found, "by_raters": by_raters, "recordings": len(ids)}


def _ambiguity(split: SplitRows) -> tuple[npt.NDArray[np.float64], bool]:
    """Return the ambiguity of each utterance, and whether it is that of the raters."""
    soft = np.nan_to_num(split.truth.soft.astype(np.float64))
    if ((soft > 0).sum(1) > 1).any():
        logs = np.log(soft, out=np.zeros_like(soft), where=soft > 0)
        return -(soft * logs).sum(1), True
    two = np.sort(split.posteriors, 1)[:, -2:]
    return two[:, 0] - two[:, 1], False


def _example(split: SplitRows, row: int, with_audio: bool) -> dict[str, Any]:
    """Return the values of one utterance."""
    posteriors, soft = split.posteriors[row], split.truth.soft[row]
    label = split.truth.labels[row]
    shown = [number for number in np.argsort(-posteriors)[:3]]
    shown += [number for number in np.argsort(-np.nan_to_num(soft))[:2] if soft[number] > 0]
    series = split.rows.iloc[row]
    seconds = series["duration_s"]
    return {
        "id": series["id"],
        "speaker": split.truth.speakers[row],
        "seconds": None if np.isnan(seconds) else float(seconds),
        "label": split.classes[label] if label >= 0 else None,
        "predicted": split.classes[int(posteriors.argmax())],
        "text": split.texts[row],
        "bars": [
            {
                "name": split.classes[number],
                "posterior": float(posteriors[number]),
                "share": None if np.isnan(soft[number]) else float(soft[number]),
            }
            for number in dict.fromkeys(shown)
        ],
        "votes": _votes(split, row),
        **recording_of_row(series, split.root, with_audio),
    }


def _votes(split: SplitRows, row: int) -> str:
    """Return the number of votes for each class in words, the largest first."""
    if split.votes is None:
        return ""
    counts = split.votes[row]
    order = [number for number in np.argsort(-counts, kind="stable") if counts[number]]
    return ", ".join(f"{counts[number]} {split.classes[number]}" for number in order)
