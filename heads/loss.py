"""What training minimises: equation 1 of the paper and its parts."""

import torch
from torch import Tensor
from torch.nn import functional as F

from medusa.heads.config import LossConfig


def class_weights(targets: Tensor, power: float) -> Tensor:
    """Return a_c = (N / (C f_c)) ** power, f_c the soft-label mass of class c (section 3.8).

    Args:
        targets: (N, C) soft labels of the training rows.
        power: 0.5 in stage 1; 0 gives uniform weights.

    Returns:
        (C,) weights; 0 where no training row has any mass.
    """
    mass = targets.sum(0)
    weights = (len(targets) / (targets.shape[1] * mass.clamp_min(1e-12))) ** power
    return torch.where(mass > 0, weights, torch.zeros_like(weights))


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy with soft targets, divided by the batch size (as PyTorch does).

    Args:
        logits: (B, C).
        targets: (B, C), rows summing to one.
        weights: (C,).
    """
    return F.cross_entropy(logits, targets, weight=weights)


def mean_squared_error(predicted: Tensor, targets: Tensor) -> Tensor:
    """Mean over the attribute ratings there are; zero where there are none.

    Args:
        predicted: (B, 3).
        targets: (B, 3) on the scale 1..7, NaN where a rating is missing.
    """
    rated = ~targets.isnan()
    squares = (predicted - targets.nan_to_num()).square() * rated
    return squares.sum() / rated.sum().clamp_min(1)


def total(
    config: LossConfig,
    logits: Tensor,
    attributes: Tensor,
    targets: Tensor,
    ratings: Tensor,
    weights: Tensor,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return equation 1 and its parts by name.

    Args:
        config: which losses, with which weights.
        logits, targets: (B, C).
        attributes, ratings: (B, 3); unrated entries are NaN.
        weights: (C,) class weights.
    """
    parts = {
        "class": CLASS_LOSSES[config.classes](logits.float(), targets, weights),
        "attribute": ATTRIBUTE_LOSSES[config.attributes](attributes.float(), ratings),
    }
    loss = config.class_weight * parts["class"] + config.attribute_weight * parts["attribute"]
    return loss, {name: part.detach() for name, part in parts.items()}


CLASS_LOSSES = {"ce": cross_entropy}
ATTRIBUTE_LOSSES = {"mse": mean_squared_error}
