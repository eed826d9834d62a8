"""The means of all measures between the raters' shares and the posteriors."""

from typing import Any

import numpy as np

from medusa.scoring.distributions.measures import MEASURES
from medusa.scoring.metrics import Floats
from medusa.scoring.resampling import means_with_intervals
from medusa.scoring.truth import Truth


def distribution_scores(truth: Truth, posteriors: Floats) -> dict[str, Any] | None:
    """Return the means of the measures over the utterances that have shares.

    Utterances without a consensus count, too: they are the ambiguous ones.

    Args:
        truth: the truth of B utterances.
        posteriors: (B, C) posteriors of the same utterances.

    Returns:
        `n`, the number of utterances with shares; `measures`, the `value` and the `interval` of
        each of `MEASURES`; and `mean_shares`, the mean share of each class for the `raters` and for
        the `system`. None if no utterance has raters who differ, because then the class scores
        are the whole truth.
    """
    known = np.asarray(~np.isnan(truth.soft).any(1))
    shares = truth.soft[known].astype(np.float64)
    if not ((shares > 0).sum(1) > 1).any():
        return None
    shares /= shares.sum(1, keepdims=True)  # The stored shares are rounded to float32.
    predicted = posteriors[known]
    values = {name: one.formula(shares, predicted) for name, one in MEASURES.items()}
    return {
        "n": len(shares),
        "measures": means_with_intervals(values, truth.rows(known).blocks),
        "mean_shares": {
            "raters": shares.mean(0).tolist(),
            "system": predicted.mean(0).tolist(),
        },
    }
