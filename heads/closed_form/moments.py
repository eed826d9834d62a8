"""Sums over utterances, and the linear maps that follow from them in closed form."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from medusa.scoring import NO_CONSENSUS

ROUNDING = 1e-9  # The rounding error of a float32 variance, as a share of the mean square.
MIDDLE = 4.0  # The middle of the ratings' scale.


@dataclass
class Moments:
    """Sums in double precision over labelled utterances and over rated utterances.

    Args:
        width: D, the width of x.
        classes: C.
        device: the device of the sums.

    Attributes:
        counts: (C,) the number of labelled utterances of each class.
        sums: (C, D) the sum of x over the labelled utterances.
        squares: (D, D) the sum of the products of their channels.
        rated: (3,) the number of utterances with each rating.
        x, y, xy: the sums over rated utterances of x (3, D), the rating (3,) and their product
            (3, D).
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
        """Add utterances to the sums.

        Args:
            x: (B, D).
            labels: (B,) class numbers, -1 without a label.
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
        """Return the mean squares (D,) of the labelled utterances."""
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
    """Return W (C, D) and b (C,) of log p(c | x) = W x + b + const for equally likely classes.

    S is the covariance within classes, shrunk towards its diagonal by `shrinkage`. m_c is the mean
    of class c, and m is the mean of all. Then W_c = S^-1 (m_c - m), b_c = -W_c (m_c + m) / 2.
    """
    total = moments.counts.sum()
    means, mean = moments.sums / moments.counts[:, None], moments.sums.sum(0) / total
    within = (moments.squares - means.T @ (moments.counts[:, None] * means)) / total
    weights = _divided((means - mean).T, within, shrinkage, moments.level).T
    return weights, -(weights * (means + mean)).sum(1) / 2


def regression(moments: Moments, shrinkage: float) -> tuple[Tensor, Tensor]:
    """Return W (3, D) and b (3,) of the ratings' linear regression on x.

    The covariance of x is computed over the labelled utterances and shrunk in the same way. If no
    utterance has a rating, the middle of the scale is predicted.
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
    """Return S^-1 values for the shrunk S, and 0 for channels that vary only by rounding."""
    varies = covariance.diagonal() > ROUNDING * level
    spread = torch.where(varies, covariance.diagonal(), torch.ones_like(level)).sqrt()
    correlation = (1 - shrinkage) * covariance / torch.outer(spread, spread)
    correlation = correlation * torch.outer(varies, varies)
    correlation.fill_diagonal_(1.0)
    scaled = values * varies[:, None] / spread[:, None]
    divided: Tensor = torch.linalg.solve(correlation, scaled)
    return divided / spread[:, None]
