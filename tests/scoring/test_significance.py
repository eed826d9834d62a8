"""Paired differences against slow loops, a normal approximation and answers by hand."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from medusa.randomness import random_stream
from medusa.scoring.metrics import balanced_macro_f1_of, macro_f1
from medusa.scoring.significance import holm, paired, two_sided

RNG = np.random.default_rng(3)
TRUTH = RNG.integers(0, 3, 240)
GOOD = np.where(RNG.random(240) < 0.7, TRUTH, RNG.integers(0, 3, 240))
BAD = np.where(RNG.random(240) < 0.5, TRUTH, RNG.integers(0, 3, 240))
SPEAKERS = [f"s{number:02}" for number in RNG.integers(0, 12, 240)]


def test_speakers_are_drawn_whole_and_alike_for_both() -> None:
    found = paired(TRUTH, GOOD, BAD, 3, SPEAKERS, draws=300, seed=4)
    differences = []
    for pick in random_stream(4, "bootstrap").integers(12, size=(300, 12)):
        rows = [np.flatnonzero(np.array(SPEAKERS) == f"s{number:02}") for number in pick]
        at = np.concatenate(rows)
        differences.append(macro_f1(TRUTH[at], GOOD[at], 3) - macro_f1(TRUTH[at], BAD[at], 3))
    assert found.interval == pytest.approx(np.percentile(differences, (2.5, 97.5)))
    assert found.value == pytest.approx(
        f1_score(TRUTH, GOOD, average="macro") - f1_score(TRUTH, BAD, average="macro")
    )
    beyond = min(np.sum(np.array(differences) <= 0), np.sum(np.array(differences) >= 0))
    assert found.p == pytest.approx(min(1, 2 * (beyond + 1) / 301))


@pytest.mark.parametrize("speakers", [None, [f"s{row % 3}" for row in range(240)], SPEAKERS])
def test_one_answer_does_not_differ_from_itself(speakers: list[str] | None) -> None:
    found = paired(TRUTH, GOOD, GOOD, 3, speakers)
    assert (found.value, found.interval, found.p) == (0, (0, 0), 1)


@pytest.mark.parametrize("speakers", [None, SPEAKERS])
def test_the_other_way_round_is_the_same_with_its_sign_changed(speakers: list[str] | None) -> None:
    # other cells, so without speakers other draws
    one = paired(TRUTH, GOOD, BAD, 3, speakers, draws=20000)
    other = paired(TRUTH, BAD, GOOD, 3, speakers, draws=20000)
    assert one.value == -other.value > 0
    assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]), abs=0.01)
    assert one.p == pytest.approx(other.p, abs=0.01)


def test_pairing_is_as_sharp_as_mcnemars_test() -> None:
    # one class each of 500; both wrong in the same 400 of 1000, apart in 30 against 10
    truth = np.tile([0, 1], 500)
    first, second = truth.copy(), truth.copy()
    first[:410], second[:400], second[410:440] = (
        1 - first[:410],
        1 - second[:400],
        1 - truth[410:440],
    )
    found = paired(truth, first, second, 2, draws=50000)
    assert found.value == pytest.approx(0.02, abs=1e-3)
    deviation = np.sqrt((30 + 10) / 1000 - 0.02**2) / np.sqrt(1000)  # of the mean of -1, 0, 1
    wide = (found.interval[1] - found.interval[0]) / 2 / 1.96
    assert wide == pytest.approx(deviation, rel=0.03)
    # z = 0.02 / 0.00629 = 3.18, p = 0.0015
    assert found.p == pytest.approx(0.0015, abs=0.0008)


def test_under_no_difference_p_is_small_as_often_as_it_should() -> None:
    rng, small = np.random.default_rng(0), 0
    for trial in range(300):
        truth = rng.integers(0, 2, 150)
        first, second = (np.where(rng.random(150) < 0.6, truth, 1 - truth) for _ in range(2))
        small += paired(truth, first, second, 2, draws=400, seed=trial).p < 0.05
    assert 0.02 < small / 300 < 0.09  # 0.05 +- 3 deviations of 0.0126, a little more above


def test_balanced_makes_every_class_count_alike() -> None:
    # 90 of class 0, 10 of class 1; the first answers all rightly but half of the rare
    truth = np.repeat([0, 1], [90, 10])
    first, second = truth.copy(), truth * 0
    first[95:] = 0
    natural = paired(truth, first, second, 2)
    balanced = paired(truth, first, second, 2, score=balanced_macro_f1_of)
    # F1: 0 has 90 hits and 5 false, 1 has 5 hits and 5 missed; always 0 has 180/190 and 0
    assert natural.value == pytest.approx((180 / 185 + 10 / 15) / 2 - (180 / 190) / 2)
    # of 100 each: 0 has 100 hits and 50 false, 1 has 50 and 50; always 0 has 200/300 and 0
    assert balanced.value == pytest.approx((200 / 250 + 100 / 150) / 2 - (200 / 300) / 2)


def test_two_sided_by_hand() -> None:
    assert two_sided(np.array([0.1] * 19)) == 2 / 20
    assert two_sided(np.array([0.1] * 18 + [-0.1])) == 4 / 20
    assert two_sided(-np.array([0.1] * 18 + [-0.1])) == 4 / 20
    assert two_sided(np.zeros(19)) == 1


def test_holm_by_hand() -> None:
    # 0.01 * 4, 0.02 * 3, 0.03 * 2 held up by 0.06, 0.5
    assert holm([0.5, 0.01, 0.03, 0.02]) == pytest.approx([0.5, 0.04, 0.06, 0.06])
    assert holm([0.4, 0.6, 0.9]) == [1, 1, 1]
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


def test_holm_equals_its_definition() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        values = rng.random(7) ** 3
        ranks = [sorted(values).index(value) for value in values]
        expected = [
            min(
                1,
                max((7 - other) * p for p, other in zip(values, ranks, strict=True) if p <= value),
            )
            for value in values
        ]
        assert holm(values.tolist()) == pytest.approx(expected)
