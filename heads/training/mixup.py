"""Manifold MixUp: convex combinations of embeddings and of their labels (section 3.7)."""

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from medusa.heads.config import MixupConfig


def draw(config: MixupConfig, batch: int, rng: np.random.Generator) -> tuple[Tensor, Tensor] | None:
    """Draw the partners (B,) and the lambdas (B, 1) of a batch, or None if it is not mixed.

    With `within`, each part of so many utterances is drawn for itself, as if it were the batch. The
    lambdas of a part that is not mixed are 1.

    They are drawn on the CPU, so that no step waits for the device.
    """
    size = config.within or batch
    partners, lambdas = np.arange(batch), np.ones((batch, 1), np.float32)
    mixed = False
    for start in range(0, batch, size):
        part = partners[start : start + size]
        if rng.random() < config.p:
            mixed, count = True, len(part) if config.per == "sample" else 1
            lambdas[start : start + size] = rng.beta(config.alpha, config.alpha, size=(count, 1))
            partners[start : start + size] = rng.permutation(part)
    return (torch.from_numpy(partners), torch.from_numpy(lambdas)) if mixed else None


def mix(
    values: Float[Tensor, "B D"], partners: Int64[Tensor, "B"], lam: Float[Tensor, "B 1"]
) -> Float[Tensor, "B D"]:
    """Return lambda v_i + (1 - lambda) v_partner(i).

    Args:
        values: (B, anything); NaN (an unrated attribute) in either makes the result NaN.
        partners: (B,) the row numbers of the partners.
        lam: (B, 1) the lambdas.
    """
    return lam * values + (1 - lam) * values[partners]
