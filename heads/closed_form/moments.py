"""Sums over utterances, and the linear maps that follow from them in closed form."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from medusa.scoring import NO_CONSENSUS

ROUNDING = 1e-9  # of a channel's mean square: what the variance of float32 averages may be off by
MIDDLE = 4.0  # of the ratings' scale


@dataclass
class Moments:
    """Sums in double precision over the utterances that have a label, and those with ratings.

    Args:
        width: D, of x.
        classes: C.
        device: where to sum.

    Attributes:
        counts: (C,) labelled utterances of each class.
        sums: (C, D) of their x.
        squares: (D, D) products of their channels.
        rated: (3,) how many have each rating.
        x, y, xy: of these, sums of x (3, D), of the rating (3,) and of their products (3, D).
    """

    width: int
    classes: int
    device: torch.device
    counts: Tensor = field(init=False)
    sums: Tensor = field(init=False)
    squares: Tensor = field(init=False)
    rated: Tensor = field(init=False)
    x: Tensor = field(init=False)
    y: Tensor = field(init=False)
    xy: Tensor = field(init=False)

    def __post_init__(self) -> None:
        shapes = {
            "counts": (self.classes,),
            "sums": (self.classes, self.width),
            "squares": (self.width, self.width),
            "rated": (3,),
            "x": (3, self.width),
            "y": (3,),
            "xy": (3, self.width),
        }
        for name, shape in shapes.items():
            setattr(self, name, torch.zeros(shape, dtype=torch.float64, device=self.device))

    def add(self, x: Tensor, labels: Tensor, ratings: Tensor) -> None:
        """Count utterances.

        Args:
            x: (B, D).
            labels: (B,) class numbers, -1 without.
            ratings: (B, 3), NaN where unrated.
        """
        x, labels = x.to(self.device, torch.float64), labels.to(self.device)
        known = labels != NO_CONSENSUS
        self.counts += torch.bincount(labels[known], minlength=self.classes)
        self.sums.index_add_(0, labels[known], x[known])
        self.squares.addmm_(x[known].T, x[known])
        y = ratings.to(self.device, torch.float64)
        rated = (~y.isnan()).double()
        self.rated += rated.sum(0)
        self.x += rated.T @ x
        self.y += y.nan_to_num().sum(0)
        self.xy += y.nan_to_num().T @ x

    @property
    def level(self) -> Tensor:
        """(D,) mean squares of the labelled utterances."""
        return self.squares.diagonal() / self.counts.sum()


def moments_of(
    parts: Iterable[tuple[Tensor, Tensor, Tensor]], width: int, classes: int, device: torch.device
) -> Moments:
    """Sum over batches of x, labels and ratings (`Moments.add`)."""
    moments = Moments(width, classes, device)
    for part in parts:
        moments.add(*part)
    return moments


def discriminant(moments: Moments, shrinkage: float) -> tuple[Tensor, Tensor]:
    """Return W (C, D) and b (C,) of log p(c | x) = W x + b + const, classes equally likely.

    With S the covariance within classes, `shrinkage` of it shrunk towards its diagonal, m_c the
    class's mean and m that of all: W_c = S^-1 (m_c - m), b_c = -W_c (m_c + m) / 2.
    """
    total = moments.counts.sum()
    means, mean = moments.sums / moments.counts[:, None], moments.sums.sum(0) / total
    within = (moments.squares - means.T @ (moments.counts[:, None] * means)) / total
    weights = _divided((means - mean).T, within, shrinkage, moments.level).T
    return weights, -(weights * (means + mean)).sum(1) / 2


def regression(moments: Moments, shrinkage: float) -> tuple[Tensor, Tensor]:
    """Return W (3, D) and b (3,) of the ratings' linear regression on x.

    The covariance of x is that of the labelled utterances, shrunk likewise. A rating that nobody
    gave is the middle of the scale.
    """
    total, sums = moments.counts.sum(), moments.sums.sum(0)
    spread = moments.squares / total - torch.outer(sums, sums) / total**2
    count = moments.rated.clamp_min(1)
    x, y = moments.x / count[:, None], moments.y / count
    cross_cov = moments.xy / count[:, None] - x * y[:, None]
    weights = _divided(cross_cov.T, spread, shrinkage, moments.level).T
    bias = y - (weights * x).sum(1)
    return weights, torch.where(moments.rated > 0, bias, torch.full_like(bias, MIDDLE))


def _divided(values: Tensor, covariance: Tensor, shrinkage: float, level: Tensor) -> Tensor:
    """Return S^-1 values, S shrunk, and 0 for channels that do not vary but by rounding."""
    varies = covariance.diagonal() > ROUNDING * level
    spread = torch.where(varies, covariance.diagonal(), torch.ones_like(level)).sqrt()
    correlation = (1 - shrinkage) * covariance / torch.outer(spread, spread)
    correlation = correlation * torch.outer(varies, varies)
    correlation.fill_diagonal_(1.0)
    scaled = values * varies[:, None] / spread[:, None]
    divided: Tensor = torch.linalg.solve(correlation, scaled)
    return divided / spread[:, None]
