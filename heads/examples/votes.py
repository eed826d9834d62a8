"""Counts of the raters' first and second choices, row by row."""

import numpy as np
import torch
from torch import Tensor

from medusa.manifests import Manifest
from medusa.manifests.labels.votes import count_votes


def votes_of(manifest: Manifest) -> tuple[Tensor, Tensor]:
    """Count the choices of each row's raters.

    Returns:
        The number of first choices (N, C), zero where nobody voted, and the share of the row's
        raters who chose a class second (N, C), NaN where nobody voted.
    """
    shape = (len(manifest), len(manifest.scheme.classes))
    if manifest.votes is None:
        return torch.zeros(shape), torch.full(shape, torch.nan)
    ids, classes = manifest.frame["id"], manifest.scheme.classes
    first = count_votes(manifest.votes, ids, classes)
    raters = first.sum(1, keepdims=True)
    seconds = manifest.votes[["id", "secondary"]].explode("secondary")
    second = count_votes(seconds.rename(columns={"secondary": "primary"}), ids, classes)[:, :-1]
    shares = np.divide(second, raters, out=np.full(shape, np.nan), where=raters > 0)
    return torch.from_numpy(first[:, :-1]).float(), torch.from_numpy(shares).float()
