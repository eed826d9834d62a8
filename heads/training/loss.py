"""The training loss: equation 1 of the paper and its parts.

The losses of the logits (B, C) with respect to soft labels come first; all but one divide by the
batch size. Those of attributes and of votes follow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from medusa.heads.config import LossConfig
from medusa.heads.training.train_rows import Targets, TrainStatistics


@dataclass(frozen=True)
class Batch:
    """The inputs of a class loss.

    Attributes:
        logits, targets: (B, C). The rows of `targets` sum to one.
        weights: (C,) the class weights.
        prior: (C,) the share of each class in training.
    """

    logits: Float[Tensor, "B C"]
    targets: Float[Tensor, "B C"]
    weights: Float[Tensor, "C"]
    prior: Float[Tensor, "C"]


def cross_entropy(batch: Batch, config: LossConfig) -> Float[Tensor, ""]:
    """Return the weighted cross-entropy, like PyTorch's with soft targets."""
    return F.cross_entropy(batch.logits, batch.targets, weight=batch.weights)


def cross_entropy_by_weight(batch: Batch, config: LossConfig) -> Float[Tensor, ""]:
    """Return the weighted mean of the cross-entropies, like PyTorch's with class numbers.

    It is divided by the sum of the weights of the targets. For soft targets, the weight of an
    utterance is the mean weight of its classes.
    """
    terms = batch.weights * batch.targets
    return -(terms * batch.logits.log_softmax(1)).sum() / terms.sum().clamp_min(1e-8)


def focal(batch: Batch, config: LossConfig) -> Float[Tensor, ""]:
    """Return the cross-entropy with every term times (1 - p_c) ** gamma (Lin et al. 2017)."""
    logs = batch.logits.log_softmax(1)
    hard = (1 - logs.exp()).clamp_min(0) ** config.focal_gamma
    return -(batch.weights * batch.targets * hard * logs).sum() / len(logs)


def kl_divergence(batch: Batch, config: LossConfig) -> Float[Tensor, ""]:
    """Return the weighted Kullback-Leibler divergence of the posterior from the votes (SAILER)."""
    logs = batch.logits.log_softmax(1)
    entropy: Tensor = torch.special.xlogy(batch.targets, batch.targets)
    apart: Tensor = batch.weights * (entropy - batch.targets * logs)
    return apart.sum() / len(logs)


def vector_scaling(batch: Batch, config: LossConfig) -> Float[Tensor, ""]:
    """Return the cross-entropy of Delta_c z_c + iota_c (Kini et al. 2021, equation 2).

    Delta_c = (prior_c / the largest prior) ** gamma and iota_c = tau log(prior_c). In training, a
    rare class therefore needs a larger margin.
    """
    prior = batch.prior.clamp_min(1e-8)
    delta = (prior / prior.max()) ** config.vector_gamma
    scaled = delta * batch.logits + config.vector_tau * prior.log()
    return F.cross_entropy(scaled, batch.targets, weight=batch.weights)


CLASS_LOSSES: dict[str, Callable[[Batch, LossConfig], Tensor]] = {
    "ce": cross_entropy,
    "ce_by_weight": cross_entropy_by_weight,
    "focal": focal,
    "kld": kl_divergence,
    "vector_scaling": vector_scaling,
}


def mean_squared_error(
    predicted: Float[Tensor, "B A"], targets: Float[Tensor, "B A"]
) -> Float[Tensor, ""]:
    """Return the mean squared error of the ratings, or zero if there are no ratings.

    Args:
        predicted: (B, 3).
        targets: (B, 3) on the scale 1..7, NaN where a rating is missing.
    """
    rated = ~targets.isnan()
    squares = (predicted - targets.nan_to_num()).square() * rated
    return squares.sum() / rated.sum().clamp_min(1)


def concordance(
    predicted: Float[Tensor, "B A"], targets: Float[Tensor, "B A"]
) -> Float[Tensor, ""]:
    """Return the mean of 1 - CCC over attributes with two or more rated rows, or zero without any.

    Args:
        predicted: (B, 3).
        targets: (B, 3), NaN where a rating is missing. CCC is equal on the scales 1..7 and 0..1.
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
    counted = rated.sum(0) >= 2  # A branch would make the step wait for the device.
    return ((1 - ccc) * counted).sum() / counted.sum().clamp_min(1)


def neutral_margin(
    margin: Float[Tensor, "B 1"], soft: Float[Tensor, "B C"], neutral: int
) -> Float[Tensor, ""]:
    """Return the soft-margin loss of neutral against expressive: the mean of log(1 + exp(-y z)).

    Args:
        margin: (B, 1) the margin z.
        soft: (B, C) soft labels. y is +1 with the probability of neutral, else -1. For one-hot
            labels this is the published formula.
        neutral: the number of the class `neutral`.

    Source: Ueda et al. 2025.
    """
    return F.binary_cross_entropy_with_logits(margin[:, 0], soft[:, neutral])


def secondary_choices(
    logits: Float[Tensor, "B C"], shares: Float[Tensor, "B C"]
) -> Float[Tensor, ""]:
    """Return the binary cross-entropy of the second choices, zero where nobody voted (SAILER).

    Args:
        logits: (B, C).
        shares: (B, C) the share of raters who chose the class second, NaN where unknown.
    """
    known = ~shares.isnan()
    terms = F.binary_cross_entropy_with_logits(logits, shares.nan_to_num(), reduction="none")
    return (terms * known).sum() / known.sum().clamp_min(1)


def auxiliary(config: LossConfig) -> tuple[str, ...]:
    """Return the names of the further outputs whose loss has a weight."""
    weights = {"neutral": config.neutral_weight, "secondary": config.secondary_weight}
    return tuple(name for name, weight in weights.items() if weight)


def total_loss(
    config: LossConfig, outputs: Mapping[str, Tensor], targets: Targets, statistics: TrainStatistics
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss of equation 1, with the further weighted losses, and its parts by name.

    Args:
        config: the losses and their weights.
        outputs: the outputs of `Head.output`.
        targets: the targets of the same B utterances.
        statistics: the class weights and priors.
    """
    batch = Batch(outputs["classes"].float(), targets.soft, statistics.weights, statistics.prior)
    predicted = outputs["attributes"].float()
    parts = {
        "class": CLASS_LOSSES[config.classes](batch, config),
        "attribute": ATTRIBUTE_LOSSES[config.attributes](predicted, targets.ratings),
    }
    loss = config.class_weight * parts["class"] + config.attribute_weight * parts["attribute"]
    if config.neutral_weight and statistics.neutral is not None:
        margin = outputs["neutral"].float()
        parts["neutral"] = neutral_margin(margin, targets.soft, statistics.neutral)
        loss = loss + config.neutral_weight * parts["neutral"]
    if config.secondary_weight:
        secondary = outputs["secondary"].float()
        parts["secondary"] = secondary_choices(secondary, targets.secondary)
        loss = loss + config.secondary_weight * parts["secondary"]
    return loss, {name: part.detach() for name, part in parts.items()}


ATTRIBUTE_LOSSES = {"mse": mean_squared_error, "ccc": concordance}
