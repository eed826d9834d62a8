"""Bootstrap draws against slow loops, closed forms and simulations."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from medusa.randomness import random_stream
from medusa.scoring import metrics
from medusa.scoring import resampling as bootstrap

RNG = np.random.default_rng(7)
TRUTH = RNG.integers(0, 4, 200)
GUESS = np.where(RNG.random(200) < 0.5, TRUTH, RNG.integers(0, 5, 200))


def test_the_interval_of_a_mean_is_that_of_scipy() -> None:
    values = RNG.normal(0.4, 0.05, 10)
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert bootstrap.interval_of_mean(values) == pytest.approx(tuple(expected))


def test_resampling_speakers_equals_a_slow_loop() -> None:
    blocks = [f"s{n:02}" for n in RNG.integers(0, 12, 200)]
    scores = RNG.normal(size=200)
    confusions = bootstrap.resampled_confusions(TRUTH, GUESS, 5, blocks, draws=7, seed=1)
    sums = bootstrap.resampled_moments(TRUTH, scores, blocks, draws=7, seed=1)
    picks = random_stream(1, "bootstrap").integers(12, size=(7, 12))
    for total, row, pick in zip(confusions, sums, picks, strict=True):
        rows = [np.flatnonzero(np.array(blocks) == f"s{number:02}") for number in pick]
        joined = np.concatenate(rows)
        assert (total == metrics.confusion(TRUTH[joined], GUESS[joined], 5)).all()
        assert metrics.ccc_of(row) == pytest.approx(metrics.ccc(TRUTH[joined], scores[joined]))
        assert metrics.mse_of(row) == pytest.approx(metrics.mse(TRUTH[joined], scores[joined]))


def test_resampling_in_chunks_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bootstrap.resampled_moments(TRUTH, GUESS, draws=11)
    monkeypatch.setattr(bootstrap, "CHUNK_CELLS", 450)
    assert bootstrap.resampled_moments(TRUTH, GUESS, draws=11) == pytest.approx(whole)


def test_of_few_speakers_the_utterances_are_drawn_too() -> None:
    # three speakers of 40: right in 8, 20 and 32 of them
    right = np.concatenate([np.arange(40) < hits for hits in (8, 20, 32)]).astype(int)
    truth, speakers = np.ones(120, int), [f"s{row // 40}" for row in range(120)]
    totals = bootstrap.resampled_confusions(truth, right, 2, speakers, draws=20000)
    shares = np.array([0.2, 0.5, 0.8])
    variance = (shares.var() + np.mean(shares * (1 - shares)) / 40) / 3
    values = metrics.accuracy_of(totals)
    assert (totals.sum((1, 2)) == 120).all()
    assert values.mean() == pytest.approx(0.5, abs=0.005)
    assert values.var() == pytest.approx(variance, rel=0.05)
    sums = bootstrap.resampled_moments(truth, right, speakers, draws=20000)
    assert metrics.mse_of(sums).var() == pytest.approx(variance, rel=0.05)


def test_interval_holds_the_value_and_speakers_widen_it() -> None:
    # ten speakers, each all right or all wrong: utterances are copies of one another
    right = np.repeat([1, 1, 1, 1, 1, 1, 0, 0, 0, 0], 40)
    truth = np.tile([0, 1], 200)
    guess = np.where(right, truth, 1 - truth)
    speakers = [f"s{row // 40}" for row in range(400)]

    def accuracy(blocks: list[str] | None) -> tuple[float, float]:
        totals = bootstrap.resampled_confusions(truth, guess, 2, blocks)
        return bootstrap.interval(metrics.accuracy_of(totals))

    apart, whole = accuracy(None), accuracy(speakers)
    assert apart[0] < 0.6 < apart[1]
    assert whole[0] < apart[0] < apart[1] < whole[1]
    # sd of a mean of 400 coin tosses: sqrt(.24 / 400) = 0.0245
    assert apart[1] - apart[0] == pytest.approx(2 * 1.96 * 0.0245, rel=0.1)


@pytest.mark.parametrize(("speakers", "columns"), [(9, 18), (10, 10), (11, 11)])
def test_shared_resamples_draw_ten_speakers_whole(speakers: int, columns: int) -> None:
    blocks = np.repeat(np.arange(speakers), 2)
    counted, weights = bootstrap.block_weights(blocks, draws=5)
    assert weights.shape == (5, columns)
    assert counted.tolist() == (blocks if columns < 18 else np.arange(18)).tolist()
    assert (weights.sum(1) == columns).all()
