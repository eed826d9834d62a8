"""The calibration of a discriminant counts classes alike, however many rows each has."""

import numpy as np
import torch

from medusa.heads.closed_form.calibration import calibrated


def balanced_loss(logits: np.ndarray, truth: np.ndarray, scale: float, floor: float) -> float:
    """Return the mean over classes of the mean cross-entropy of a class's rows, by a slow loop."""
    by_class: dict[int, list[float]] = {}
    for row, label in zip(logits, truth, strict=True):
        exps = [float(np.exp(scale * (value - row.max()))) for value in row]
        posterior = (1 - floor) * exps[label] / sum(exps) + floor / len(row)
        by_class.setdefault(int(label), []).append(-float(np.log(posterior)))
    return float(np.mean([np.mean(losses) for losses in by_class.values()]))


def test_unbalanced_classes_count_alike() -> None:
    """Class 0 has 90 rows, all told apart; class 1 has 10, half of them wrong."""
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], [90, 10])
    margin = np.concatenate([rng.normal(3, 0.5, 90), [-3.0, -2.0, -1.0, -2.5, -1.5, 2, 1, 3, 2, 1]])
    logits = np.stack([margin, -margin], 1)
    scale, floor = calibrated(torch.from_numpy(logits), truth)
    grid = [(s, f) for s in np.geomspace(0.02, 20, 61) for f in np.linspace(1 / 102, 0.5, 51)]
    best = min(balanced_loss(logits, truth, s, f) for s, f in grid)
    assert balanced_loss(logits, truth, scale, floor) <= best + 1e-3
