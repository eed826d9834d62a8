"""Fitting the weights of positional pooling before the discriminant itself."""

import numpy as np
import torch

from medusa.heads.closed_form.moments import discriminant
from medusa.heads.closed_form.positions import Positions, best_positions
from medusa.heads.closed_form.reader import RowReader
from medusa.heads.examples.join import Rows
from medusa.heads.networks.pooling import PositionalPool
from medusa.scoring import NO_CONSENSUS

POSITIONED = 0.1  # This shrinkage is used by the discriminant that weighs positions.


@torch.no_grad()
def fit_positions(reader: RowReader, rows: Rows) -> None:
    """Set every modality's weights by position with discriminants of the other half's rows.

    Nothing is set if the head has another pooling, or if a class has a single row.
    """
    pools = [pool for pool in reader.head.modules() if isinstance(pool, PositionalPool)]
    halves = in_halves(rows, reader.examples.labels) if pools else None
    if halves is None:
        return
    widths, classes = [pool.out_width for pool in pools], len(reader.examples.classes)
    found: list[list[Positions]] = [[] for _ in pools]
    for half, other in (halves, halves[::-1]):
        weights = discriminant(reader.moments(other), POSITIONED)[0].float().to(reader.device)
        for parts, scores in zip(found, torch.split(weights, widths, 1), strict=True):
            parts.append(Positions(scores.contiguous(), classes, reader.sums_device))
        for inputs, batch in reader.inputs(half):
            for parts, x, scale in zip(found, inputs, reader.head.scales, strict=True):
                parts[-1].add(scale(x), reader.labels[batch])
    for pool, parts in zip(pools, found, strict=True):
        pool.position.copy_(best_positions(parts))


def in_halves(rows: Rows, labels: Rows) -> tuple[Rows, Rows] | None:
    """Divide the rows that have a label evenly, class by class.

    Args:
        rows: the row numbers to divide.
        labels: the class numbers of all rows.

    Returns:
        The row numbers of the two halves, or None if a class has a single row.
    """
    known = rows[labels[rows] != NO_CONSENSUS]
    ordered = known[np.argsort(labels[known], kind="stable")]
    if np.unique(labels[known], return_counts=True)[1].min() < 2:
        return None
    return np.sort(ordered[::2]), np.sort(ordered[1::2])
