"""Selection of weights by their score on the dev split."""

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from medusa.heads.config import TrainConfig
from medusa.heads.examples.join import Examples
from medusa.scoring import NO_CONSENSUS, balanced_draws, macro_f1, mean_macro_f1_over_draws


class DevSelector:
    """Score logits on the rows of the dev split that have a consensus.

    Args:
        examples: the examples, with a split `dev`.
        config: the settings `selection`, `draws` and `per_class`.

    Attributes:
        rows: (B,) the row numbers in the examples.
        truth: (B,) the class numbers.
    """

    def __init__(self, examples: Examples, config: TrainConfig) -> None:
        dev = examples.rows("dev")
        self.rows = dev[examples.labels[dev] != NO_CONSENSUS]
        self.truth = examples.labels[self.rows]
        self.natural = config.selection == "natural"
        self.draws = balanced_draws(self.truth, config.draws, config.per_class)

    def score(self, logits: npt.NDArray[np.float32]) -> float:
        """Return macro-F1 of logits (B, C) over balanced draws of the split, or on all rows."""
        predicted, classes = logits.argmax(1), logits.shape[1]
        if self.natural:
            return macro_f1(self.truth, predicted, classes)
        return mean_macro_f1_over_draws(self.truth, predicted, classes, self.draws)

    def loss(self, logits: npt.NDArray[np.float32]) -> float:
        """Return the mean cross-entropy of logits (B, C) over the rows of the split."""
        return float(F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(self.truth)))
