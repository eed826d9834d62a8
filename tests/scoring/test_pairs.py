"""McNemar's test, kappa and Cohen's d against other libraries and sums by hand."""

import numpy as np
import pytest
from scipy.stats import binom, ttest_1samp
from sklearn.metrics import cohen_kappa_score

from medusa.scoring.pairs import effect_size, kappa, mcnemar


def flags(right: int, wrong: int) -> np.ndarray:
    return np.repeat([True, False], [right, wrong])


def test_mcnemar_is_a_test_of_the_discordant_utterances() -> None:
    # 9 utterances only of the first, 2 only of the second, and 20 of both.
    first = np.concatenate([flags(9, 2), flags(20, 0)])
    second = np.concatenate([~flags(9, 2), flags(20, 0)])
    assert mcnemar(first, second) == pytest.approx(2 * binom.cdf(2, 11, 0.5))
    assert mcnemar(second, first) == pytest.approx(2 * binom.cdf(2, 11, 0.5))
    assert mcnemar(first, first) == 1


def test_kappa_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    one = rng.integers(0, 3, 80)
    other = np.where(rng.random(80) < 0.5, one, rng.integers(0, 4, 80))
    assert kappa(one, other, 4) == pytest.approx(cohen_kappa_score(one, other))
    assert kappa(one, one, 3) == pytest.approx(1)
    assert kappa(np.array([0, 0]), np.array([0, 1]), 2) == 0
    assert kappa(np.array([1, 1]), np.array([1, 1]), 2) is None


def test_the_effect_is_measured_over_speakers() -> None:
    # Accuracies of a: 1 and 1/2, of b: 1/2 and 1/2, of c: 1 and 0.
    first = np.array([1, 1, 1, 0, 1], bool)
    second = np.array([1, 0, 0, 1, 0], bool)
    speakers = ["a", "a", "b", "b", "c"]
    differences = np.array([0.5, 0, 1])
    found = effect_size(first, second, speakers)
    assert found == pytest.approx(0.5 / 0.5)
    assert found == pytest.approx(ttest_1samp(differences, 0).statistic / np.sqrt(3))
    each = first.astype(float) - second
    assert effect_size(first, second, None) == pytest.approx(each.mean() / each.std(ddof=1))
    assert effect_size(first, first, speakers) is None
    assert effect_size(first, second, ["a"] * 5) is None
