"""The choice of a classifier's settings by its scores on training speakers that it never saw."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from medusa.heads.closed_form.calibration import calibrated
from medusa.heads.convex.classifiers import Array, Classifier, Settings
from medusa.heads.examples.join import Rows
from medusa.heads.networks.discriminant import floored
from medusa.heads.networks.output import Output
from medusa.scoring import macro_f1

CONSTANT = 1e-6  # Frames have a deviation of 1; a channel with less than this does not vary.


@dataclass(frozen=True)
class Candidate:
    """Settings that were tried, and how they did on the other speakers.

    Attributes:
        settings: such as `C`.
        scale, floor: of the posteriors, fitted on the out-of-fold scores.
        loss: the cross-entropy of these posteriors, with equal weights of the classes.
        macro_f1: of these posteriors.
        converged: whether the solver reached the optimum in every fold.
    """

    settings: Settings
    scale: float
    floor: float
    loss: float
    macro_f1: float
    converged: bool


def scaling(x: Array) -> tuple[Array, Array]:
    """Return the mean and deviation (D,) of rows (N, D). A constant channel is not divided."""
    deviation = x.std(0)
    return x.mean(0), np.where(deviation > CONSTANT, deviation, 1.0)


@torch.no_grad()
def set_scores(output: Output, arrays: dict[str, Array]) -> None:
    """Put the arrays of a classifier into the output, whatever their number of rows."""
    for name, values in arrays.items():
        array = getattr(output.classes, name)
        if array.shape != values.shape:
            array.resize_(values.shape)
        array.copy_(torch.from_numpy(values))


@torch.no_grad()
def out_of_fold(
    output: Output,
    classifier: Classifier,
    x: Array,
    labels: Rows,
    folds: Rows,
    advance: Callable[..., None],
) -> tuple[Tensor, list[bool]]:
    """Score rows of speakers that were left out, with each of the G settings.

    Args:
        output: the output whose `classes` computes the scores. It is overwritten.
        classifier: the classifier.
        x: (N, D).
        labels: (N,) class numbers.
        folds: (N,) the fold of each row.
        advance: called after each fold.

    Returns:
        The scores (G, N, C); and for each setting, whether its solver converged in every fold.
    """
    device, classes = output.get_buffer("mean").device, int(labels.max()) + 1
    grid = classifier.grid(x.shape[1])
    scores = torch.empty(len(grid), *x.shape[:1], classes, dtype=torch.float64)
    converged = [True] * len(grid)
    for fold in np.unique(folds):
        held_out = folds == fold
        mean, deviation = scaling(x[~held_out])
        scaled = (x - mean) / deviation
        held = torch.from_numpy(scaled[held_out]).to(device)
        fits = classifier.fit(scaled[~held_out], labels[~held_out], classes, grid)
        for number, fit in enumerate(fits):
            set_scores(output, fit.arrays)
            converged[number] &= fit.converged
            scores[number, torch.from_numpy(held_out)] = output.classes(held).cpu()
        advance(1, f"fold {fold + 1} of the speakers")
    return scores, converged


def judged(
    classifier: Classifier, settings: Settings, scores: Tensor, labels: Rows, converged: bool
) -> Candidate:
    """Calibrate the out-of-fold scores (N, C) of a setting, and compute its loss."""
    scale, floor = calibrated(scores, labels) if classifier.calibrated else (1.0, 0.0)
    log_posteriors = floored(scale * scores, torch.tensor(floor, dtype=torch.float64)).numpy()
    counts = np.bincount(labels)
    losses = -log_posteriors[np.arange(len(labels)), labels] / counts[labels] / len(counts)
    score = macro_f1(labels, log_posteriors.argmax(1), len(counts))
    return Candidate(settings, scale, floor, float(losses.sum()), score, converged)
