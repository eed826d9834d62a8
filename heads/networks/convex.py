"""Heads of scikit-learn's kind: pooled features and the scores of a classifier, kept as arrays."""

from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medusa.heads.networks.discriminant import Averages, floored
from medusa.heads.networks.output import Output

LEAST_SHARE = 0.01  # It is added to the shares of neighbours, whose logarithm is the score.


class KernelScores(nn.Module):
    """Compute W k(x) + b in which k(x)_s = exp(-gamma |x - x_s|^2) for the S support vectors."""

    support: Tensor
    weight: Tensor
    bias: Tensor
    gamma: Tensor

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("support", torch.zeros(1, width))
        self.register_buffer("weight", torch.zeros(classes, 1))
        self.register_buffer("bias", torch.zeros(classes))
        self.register_buffer("gamma", torch.ones(()))

    def forward(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B C"]:
        """Map (B, D) to scores (B, C)."""
        kernel = torch.exp(-self.gamma * distances(x, self.support).square())
        return kernel @ self.weight.T + self.bias


class NeighbourScores(nn.Module):
    """Compute the logarithm of each class's share of the votes of the k nearest training rows.

    The vote of a training row is weighted so that all classes count equally.
    """

    support: Tensor
    weight: Tensor
    k: Tensor

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("support", torch.zeros(1, width))
        self.register_buffer("weight", torch.ones(classes, 1))
        self.register_buffer("k", torch.ones(()))

    def forward(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B C"]:
        """Map (B, D) to scores (B, C)."""
        nearest = distances(x, self.support).argsort(dim=1, stable=True)
        voting = torch.arange(len(self.support), device=x.device) < self.k
        votes = (self.weight.T[nearest] * voting[:, None]).sum(1)
        return (votes / votes.sum(1, keepdim=True) + LEAST_SHARE).log()


def distances(x: Float[Tensor, "B D"], rows: Float[Tensor, "S D"]) -> Float[Tensor, "B S"]:
    """Return Euclidean distances (B, S), without the rounding of a matrix product."""
    return torch.cdist(x, rows, compute_mode="donot_use_mm_for_euclid_dist")


class ConvexOutput(Output):
    """Standardise x in double precision and return log((1 - f) softmax(s scores) + f / C).

    A subclass may replace the linear map of the scores.
    """

    scores: ClassVar[type[nn.Module]] = nn.Linear
    mean: Tensor
    std: Tensor
    scale: Tensor
    floor: Tensor

    def __init__(self, width: int, classes: int, *more: Any) -> None:
        super().__init__(width, classes, *more)
        self.classes = self.scores(width, classes)  # type: ignore[assignment]
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("std", torch.ones(width))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("floor", torch.zeros(()))
        self.double()

    def forward(self, x: Float[Tensor, "B D"]) -> dict[str, Float[Tensor, "B _"]]:
        """Map (B, D) to `classes` (B, C) and `attributes` (B, 3)."""
        outputs = super().forward((x.double() - self.mean) / self.std)
        outputs["classes"] = floored(self.scale * outputs["classes"], self.floor)
        return outputs


class KernelOutput(ConvexOutput):
    """The output of a support vector machine."""

    scores = KernelScores


class NeighbourOutput(ConvexOutput):
    """The output of the nearest neighbours."""

    scores = NeighbourScores


class LogisticRegressionHead(Averages):
    """Pool all modalities, and classify by logistic regression."""

    fitted_by = "rows"
    output_type = ConvexOutput
    pools_streams = False  # No positions are fitted for it.


class SupportVectorHead(LogisticRegressionHead):
    """Pool all modalities, and classify by support vector machines with a Gaussian kernel."""

    output_type = KernelOutput


class NearestNeighbourHead(LogisticRegressionHead):
    """Pool all modalities, and classify by the nearest training rows."""

    output_type = NeighbourOutput
