"""The weighted opinion pool against another optimiser, and what it should learn."""

import numpy as np
import torch
from scipy.optimize import check_grad
from torch.nn import functional as F

from medusa.ensemble.opinion_pool import PULL, _loss, fit_pool, pooled
from medusa.ensemble.voting import log_posteriors, product_vote, soft_vote

CLASSES = 4


def independent(rows: int, members: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Members that hear independent evidence, and give its exact posteriors (M, B, C); labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(CLASSES, size=rows)
    heard = np.eye(CLASSES)[labels] + rng.normal(size=(members, rows, CLASSES))
    odds = np.exp(heard)  # log p(x | c) = x_c + const at unit noise, classes equally likely
    return odds / odds.sum(-1, keepdims=True), labels


def by_torch(posteriors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The same loss, written with torch and minimised by its own optimiser."""
    logs, truth = torch.from_numpy(log_posteriors(posteriors)), torch.from_numpy(labels)
    members = len(logs)
    weights = torch.full((members,), 1 / members, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(CLASSES, dtype=torch.float64, requires_grad=True)
    counts = torch.bincount(truth, minlength=CLASSES)
    optimiser = torch.optim.LBFGS([weights, bias], max_iter=500, tolerance_grad=1e-10)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        logits = (weights[:, None, None] * logs).sum(0) + bias
        loss = F.cross_entropy(logits, truth, weight=1 / counts.double())
        pull = ((weights - 1 / members) ** 2).sum() + (bias**2).sum()
        total = loss + PULL * pull
        total.backward()
        return total

    optimiser.step(closure)
    return torch.cat([weights, bias]).detach().numpy()


def test_the_optimum_is_that_of_another_optimiser() -> None:
    posteriors, labels = independent(300, 3)
    labels[:100] = 0  # classes of different sizes
    np.testing.assert_allclose(
        fit_pool(posteriors, labels), by_torch(posteriors, labels), atol=1e-4
    )


def test_the_gradient_is_that_of_the_loss() -> None:
    posteriors, labels = independent(50, 2)
    logs, start = log_posteriors(posteriors), np.array([0.5, 0.5, 0, 0, 0, 0])
    shares = np.full(50, 1 / 50)
    at = np.random.default_rng(1).normal(size=6)
    gap = check_grad(
        lambda x: _loss(x, logs, labels, shares, start)[0],
        lambda x: _loss(x, logs, labels, shares, start)[1],
        at,
    )
    assert gap < 1e-6


def test_independent_evidence_is_added_up() -> None:
    """Exact posteriors of independent evidence: the best weights are 1, far from the mean's 1/M."""
    posteriors, labels = independent(20_000, 4)
    learnt = fit_pool(posteriors, labels)
    assert np.abs(learnt[:4] - 1).max() < 0.15  # the pull towards 1/4 keeps it a little below
    assert np.abs(learnt[4:]).max() < 0.05
    new, truth = independent(20_000, 4, seed=1)
    right = {
        "pool": (pooled(learnt[:4], learnt[4:], new).argmax(1) == truth).mean(),
        "product": (product_vote(new).argmax(1) == truth).mean(),
        "soft": (soft_vote(new).argmax(1) == truth).mean(),
    }
    assert right["pool"] > right["soft"] + 0.005 and right["product"] > right["soft"] + 0.005


def test_a_member_twice_shares_its_weight_and_noise_gets_none() -> None:
    posteriors, labels = independent(20_000, 2)
    noise = np.random.default_rng(2).dirichlet(np.ones(CLASSES), 20_000)
    learnt = fit_pool(np.stack([posteriors[0], posteriors[0], posteriors[1], noise]), labels)
    assert abs(learnt[0] - learnt[1]) < 1e-3
    assert 0.8 < learnt[0] + learnt[1] < 1.1 and 0.8 < learnt[2] < 1.1
    assert abs(learnt[3]) < 0.1


def test_a_class_that_never_occurs_and_one_row_a_class_stay_finite() -> None:
    posteriors, _ = independent(3, 2)
    learnt = fit_pool(posteriors, np.array([0, 1, 2]))
    assert (
        np.isfinite(learnt).all() and np.isfinite(pooled(learnt[:2], learnt[2:], posteriors)).all()
    )
