"""The temperature that corrects the confidence of a run (Guo et al., 2017)."""

from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.scoring.calibration.reliability import calibration_scores
from medusa.scoring.distributions.measures import negative_log_likelihood
from medusa.scoring.metrics import Floats
from medusa.scoring.truth import Truth

COLDEST, HOTTEST = 0.02, 50.0


def fit_temperature(labels: npt.NDArray[np.int64], logits: Floats) -> float:
    """Return the T, from 0.02 to 50, whose softmax(logits / T) is most likely.

    Args:
        labels: (B,) class numbers.
        logits: (B, C).
    """
    from scipy.optimize import minimize_scalar

    def loss(exponent: float) -> float:
        return float(negative_log_likelihood(labels, cooled(logits, np.exp(exponent))).mean())

    bounds = (np.log(COLDEST), np.log(HOTTEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def cooled(logits: Floats, temperature: float) -> Floats:
    """Return softmax(logits / temperature), (B, C)."""
    from scipy.special import softmax

    posteriors: Floats = softmax(np.asarray(logits, np.float64) / temperature, axis=1)
    return posteriors


def temperature_effect(
    fitted_on: Truth, its_logits: Floats, truth: Truth, logits: Floats
) -> dict[str, Any]:
    """Fit a temperature on one split, and judge another split with it.

    Args:
        fitted_on, its_logits: the labelled utterances of the split that the temperature is fitted
            on, and their logits.
        truth, logits: those of the split that is judged.

    Returns:
        `value`, the temperature; `n`, the number of utterances that it was fitted on; and the
        `ece`, `brier` and `nll` that the judged split then has, as `calibration_scores` returns
        them. No predicted class changes.
    """
    value = fit_temperature(fitted_on.labels, its_logits)
    after = calibration_scores(truth, cooled(logits, value))
    kept = {name: after[name] for name in ("ece", "brier", "nll")}
    return {"value": value, "n": len(fitted_on.labels), **kept}
