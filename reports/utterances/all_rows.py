"""The table of all utterances, as short values that the page's script reads."""

from typing import Any

import numpy as np

from medusa.console import one_line
from medusa.reports.utterances.split_rows import SplitRows

MOST_TEXT = 3_000_000  # The characters of all texts together; with more, each text is cut.


def all_rows(split: SplitRows) -> dict[str, Any]:
    """Return the columns of the table: one list with a value for each utterance.

    Returns:
        `id` and `text`; `speaker`, `label` and `predicted`, which are numbers of `names`, the
        distinct names; `confidence` in thousandths; `agreement`, the share of the raters who chose
        the predicted class, in hundredths, or null if no raters differ; and `seconds`. The label
        of an utterance without a consensus is an empty text.
    """
    names = dict[str, int]()

    def numbers(values: list[str]) -> list[int]:
        return [names.setdefault(one_line(value), len(names)) for value in values]

    predicted, truth = split.posteriors.argmax(1), split.truth
    labels = [split.classes[number] if number >= 0 else "" for number in truth.labels]
    shares = truth.soft[np.arange(len(predicted)), predicted]
    if not ((truth.soft > 0).sum(1) > 1).any():
        shares = np.full(len(predicted), np.nan)
    seconds = split.rows["duration_s"].to_numpy(np.float64)
    longest = max(24, MOST_TEXT // max(len(predicted), 1) - 60)
    return {
        "id": [one_line(name) for name in split.rows["id"]],
        "speaker": numbers([name or "" for name in truth.speakers]),
        "label": numbers(labels),
        "predicted": numbers([split.classes[number] for number in predicted]),
        "confidence": np.rint(1000 * split.posteriors.max(1)).astype(int).tolist(),
        "agreement": [None if np.isnan(one) else round(100 * float(one)) for one in shares],
        "seconds": [None if np.isnan(one) else round(float(one), 1) for one in seconds],
        "text": [_cut(one_line(text), longest) for text in split.texts],
        "names": list(names),
    }


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
