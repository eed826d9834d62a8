"""What training minimises: equation 1 of the paper and its parts."""

import torch
from torch import Tensor

from medusa.heads.class_losses import CLASS_LOSSES, Batch
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


def mean_squared_error(predicted: Tensor, targets: Tensor) -> Tensor:
    """Mean over the attribute ratings there are; zero where there are none.

    Args:
        predicted: (B, 3).
        targets: (B, 3) on the scale 1..7, NaN where a rating is missing.
    """
    rated = ~targets.isnan()
    squares = (predicted - targets.nan_to_num()).square() * rated
    return squares.sum() / rated.sum().clamp_min(1)


def concordance(predicted: Tensor, targets: Tensor) -> Tensor:
    """1 - CCC, the mean over the attributes with two or more rated rows; zero without any.

    Args:
        predicted: (B, 3).
        targets: (B, 3), NaN where a rating is missing. CCC is the same on 1..7 and on 0..1.
    """
    rated = ~targets.isnan()
    count = rated.sum(0).clamp_min(1)

    def mean(values: Tensor) -> Tensor:
        return (values * rated).sum(0) / count

    y = targets.nan_to_num()
    to_mean, of_mean = predicted - mean(predicted), y - mean(y)
    spread = mean(to_mean.square()) + mean(of_mean.square())
    apart = (mean(predicted) - mean(y)).square()
    ccc = 2 * mean(to_mean * of_mean) / (spread + apart).clamp_min(1e-8)
    counted = rated.sum(0) >= 2  # no branch: that would make the step wait for the device
    return ((1 - ccc) * counted).sum() / counted.sum().clamp_min(1)


def smoothed(targets: Tensor, share: float) -> Tensor:
    """Return (1 - share) of the targets (B, C) and `share` spread evenly over the classes."""
    return (1 - share) * targets + share / targets.shape[1]


def total(
    config: LossConfig,
    logits: Tensor,
    attributes: Tensor,
    targets: Tensor,
    ratings: Tensor,
    weights: Tensor,
    prior: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return equation 1 and its parts by name.

    Args:
        config: which losses, with which weights.
        logits, targets: (B, C).
        attributes, ratings: (B, 3); unrated entries are NaN.
        weights: (C,) class weights.
        prior: (C,) share of each class in training; even by default.
    """
    if prior is None:
        prior = torch.full_like(weights, 1 / len(weights))
    batch = Batch(logits.float(), targets, weights, prior)
    parts = {
        "class": CLASS_LOSSES[config.classes](batch, config),
        "attribute": ATTRIBUTE_LOSSES[config.attributes](attributes.float(), ratings),
    }
    loss = config.class_weight * parts["class"] + config.attribute_weight * parts["attribute"]
    return loss, {name: part.detach() for name, part in parts.items()}


ATTRIBUTE_LOSSES = {"mse": mean_squared_error, "ccc": concordance}
