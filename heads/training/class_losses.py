"""Losses of the logits (B, C) with respect to soft labels; all but one divide by the batch size."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from medusa.heads.config import LossConfig


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
