"""The scale and the floor of a discriminant's posteriors."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from medusa.heads.examples.join import Rows
from medusa.heads.networks.discriminant import floored

SCALES = (-5.0, 6.0)  # The logarithm of the scale is searched in this range.
TRIED = (0.02, 0.1, 0.3)  # The search for the floor starts from each of these.


def calibrated(logits: Tensor, truth: Rows) -> tuple[float, float]:
    """Return the scale s and floor f that minimise the cross-entropy of `floored(s logits, f)`.

    All classes have equal weight. Two numbers hardly overfit, so they may be fitted on the rows
    that also select. The floor is at least 1 / (B + 2) (Laplace), since the next utterance may be
    wrong even if all B are right.

    Args:
        logits: (B, C).
        truth: (B,) the class numbers.
    """
    from scipy.optimize import minimize

    labels = torch.from_numpy(truth)
    counts = labels.bincount(minlength=logits.shape[1])
    shares = 1.0 / counts[labels]
    shares = shares / shares.sum()

    # With fewer rows than channels, logits may be in the thousands, so the search is relative.
    unit = float((logits - logits.mean(1, keepdim=True)).std()) or 1.0

    def loss(at: Sequence[float]) -> float:
        scale, floor = float(np.exp(at[0])) / unit, torch.tensor(at[1], dtype=torch.float64)
        log_probs = floored(logits * scale, floor).gather(1, labels[:, None])[:, 0]
        return -float((shares * log_probs).sum())

    # The loss has several minima: a large scale with a floor, or a small scale.
    least = 1 / (len(labels) + 2)
    floors = [max(least, floor) for floor in TRIED]
    start = min(((a, f) for a in np.linspace(*SCALES, 21) for f in floors), key=loss)
    simplex = [start, (start[0] + 0.5, start[1]), (start[0], start[1] + 0.05)]
    found = minimize(
        loss,
        start,
        method="Nelder-Mead",
        bounds=(SCALES, (least, 0.5)),
        options={"initial_simplex": simplex},
    )
    return float(np.exp(found.x[0])) / unit, float(found.x[1])
