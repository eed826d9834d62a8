"""Manifold MixUp: convex combinations of embeddings and of their labels (section 3.7)."""

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from medusa.heads.config import MixupConfig


def draw(config: MixupConfig, batch: int, rng: np.random.Generator) -> tuple[Tensor, Tensor] | None:
    """Draw the partners (B,) and the lambdas (B, 1) of a batch, or None if it is not mixed.

    They are drawn on the CPU, so that no step waits for the device.
    """
    if rng.random() >= config.p:
        return None
    count = batch if config.per == "sample" else 1
    lam = rng.beta(config.alpha, config.alpha, size=(count, 1)).astype(np.float32)
    return torch.from_numpy(rng.permutation(batch)), torch.from_numpy(lam).expand(batch, 1)


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
