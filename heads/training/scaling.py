"""Fitting the input scaling of a head on training utterances."""

from collections.abc import Iterable

import numpy as np
from torch import nn

from medusa.heads.examples.join import Examples
from medusa.heads.networks.standardise import Standardise


def standardise(scales: Iterable[nn.Module], examples: Examples, most: int = 2000) -> None:
    """Fit every `Standardise` of M scales on at most `most` of the training utterances.

    The utterances are evenly spaced among the training rows. Other modules stay as they are.
    """
    rows = examples.rows("train")
    rows = rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]

    batches = [rows[start : start + 64] for start in range(0, len(rows), 64)]
    for number, scale in enumerate(scales):
        for module in scale.modules():
            if isinstance(module, Standardise):
                module.fit(inputs[number] for inputs in examples.read_batches(batches))
