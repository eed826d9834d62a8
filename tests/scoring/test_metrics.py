"""Every metric against scikit-learn, a hand formula or a simulation."""

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

from medusa.errors import MedusaError
from medusa.scoring import metrics

RNG = np.random.default_rng(7)
TRUTH = RNG.integers(0, 4, 200)
GUESS = np.where(RNG.random(200) < 0.5, TRUTH, RNG.integers(0, 5, 200))


def test_class_metrics_equal_sklearn() -> None:
    # class 4 is predicted and never true, class 5 is neither
    present = np.unique(TRUTH)
    expected = f1_score(TRUTH, GUESS, labels=present, average="macro", zero_division=0)
    assert metrics.macro_f1(TRUTH, GUESS, 6) == pytest.approx(expected, abs=1e-12)
    recall = [np.mean(GUESS[label == TRUTH] == label) for label in present]
    matrix = metrics.confusion(TRUTH, GUESS, 6)
    assert (matrix == confusion_matrix(TRUTH, GUESS, labels=range(6))).all()
    assert metrics.uar_of(matrix) == pytest.approx(np.mean(recall), abs=1e-12)
    assert metrics.accuracy_of(matrix) == pytest.approx(accuracy_score(TRUTH, GUESS))
    assert metrics.accuracy_of(matrix) == pytest.approx(f1_score(TRUTH, GUESS, average="micro"))


def test_uar_is_balanced_accuracy() -> None:
    guess = GUESS % 4
    expected = balanced_accuracy_score(TRUTH, guess)
    matrix = metrics.confusion(TRUTH, guess, 4)
    assert metrics.uar_of(matrix) == pytest.approx(expected, abs=1e-12)


def test_per_class_equals_sklearn() -> None:
    expected = precision_recall_fscore_support(TRUTH, GUESS, labels=range(6), zero_division=0)
    ours = metrics.per_class(metrics.confusion(TRUTH, GUESS, 6))
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert ours[name] == pytest.approx(values, abs=1e-12)


def test_macro_f1_by_hand_where_a_class_is_absent() -> None:
    # truth a a b, called a c b: f1(a) = 2/3, f1(b) = 1, c is not in the truth
    value = metrics.macro_f1(np.array([0, 0, 1]), np.array([0, 2, 1]), 3)
    assert value == pytest.approx((2 / 3 + 1) / 2)


def test_many_matrices_at_once_equal_one_by_one() -> None:
    truth, guess = TRUTH.reshape(4, 50), GUESS.reshape(4, 50)
    together = metrics.macro_f1_of(metrics.confusion(truth, guess, 5))
    apart = [metrics.macro_f1(t, p, 5) for t, p in zip(truth, guess, strict=True)]
    assert together == pytest.approx(apart)


def test_ccc_and_mse_by_the_formula() -> None:
    x, y = RNG.normal(4, 1, 60), RNG.normal(4.5, 1.3, 60)
    rho = np.corrcoef(x, y)[0, 1]
    bottom = x.var() + y.var() + (x.mean() - y.mean()) ** 2
    assert metrics.ccc(x, y) == pytest.approx(2 * rho * x.std() * y.std() / bottom)
    assert metrics.mse(x, y) == pytest.approx(((x - y) ** 2).mean())
    assert metrics.ccc(x, x) == pytest.approx(1)
    # 1 2 3 against 2 3 4: cov = 2/3, variances 2/3, means 1 apart
    assert metrics.ccc(np.array([1, 2, 3]), np.array([2, 3, 4])) == pytest.approx(4 / 7)
    assert metrics.ccc(np.ones(3), np.ones(3)) == 0


def test_balanced_draws_are_balanced_fresh_and_without_replacement() -> None:
    labels = np.array([0] * 9 + [2] * 4 + [-1] * 5 + [3] * 6)
    draws = metrics.balanced_draws(labels, draws=50)
    assert draws.shape == (50, 12)
    for draw in draws:
        assert len(set(draw)) == 12
        assert np.bincount(labels[draw]).tolist() == [4, 0, 4, 4]
    assert len({tuple(sorted(draw)) for draw in draws}) > 1
    assert set(draws.ravel()) == set(np.flatnonzero(labels >= 0))
    assert (metrics.balanced_draws(labels, draws=50) == draws).all()
    assert metrics.balanced_draws(labels, draws=2, per_class=2).shape == (2, 6)
    other = metrics.balanced_draws(labels, draws=50, rng=np.random.default_rng(3))
    assert (other != draws).any()


def test_balanced_draws_name_what_they_lack() -> None:
    with pytest.raises(MedusaError, match="class number 1 has 2"):
        metrics.balanced_draws(np.array([0, 0, 0, 1, 1]), per_class=3)
    with pytest.raises(MedusaError, match="no row has one"):
        metrics.balanced_draws(np.array([-1, -1]))


def test_mean_over_draws_is_the_mean_of_sklearn_over_draws() -> None:
    draws = metrics.balanced_draws(TRUTH, draws=20)
    expected = [
        f1_score(TRUTH[d], GUESS[d], labels=np.unique(TRUTH), average="macro", zero_division=0)
        for d in draws
    ]
    ours = metrics.mean_macro_f1_over_draws(TRUTH, GUESS, 5, draws)
    assert ours == pytest.approx(np.mean(expected))


def test_chance_is_what_guessing_gives() -> None:
    prior = np.array([0.6, 0.3, 0.1])
    labels = np.repeat([0, 1, 2], [700, 200, 600])
    rng = np.random.default_rng(0)
    guesses = rng.choice(3, size=(2000, len(labels)), p=prior)
    simulated = metrics.macro_f1_of(metrics.confusion(np.tile(labels, (2000, 1)), guesses, 3))
    assert metrics.chance_macro_f1(prior, labels) == pytest.approx(simulated.mean(), abs=1e-3)


def test_chance_and_majority_by_hand() -> None:
    prior, labels = np.array([0.75, 0.25]), np.array([0, 0, 1, 1])
    expected = (2 * 0.75 * 0.5 / 1.25 + 2 * 0.25 * 0.5 / 0.75) / 2
    assert metrics.chance_macro_f1(prior, labels) == pytest.approx(expected)
    # always class 0: precision 1/2, recall 1, f1 2/3; the other 0
    assert metrics.majority_macro_f1(prior, labels) == pytest.approx(1 / 3)
