"""Groups, their scores against scikit-learn, and equalised odds by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from medusa.manifests import LabelScheme, Manifest
from medusa.scoring import Truth
from medusa.scoring.slices.fairness import fairness, odds_violations
from medusa.scoring.slices.groups import groups_of
from medusa.scoring.slices.slice_scores import slice_scores


def truth_by(
    speakers: list[str | None], labels: np.ndarray, soft: np.ndarray | None = None
) -> Truth:
    shares = np.eye(3)[labels] if soft is None else soft
    unknown = np.full((len(labels), 3), np.nan, np.float32)
    return Truth(labels, shares.astype(np.float32), unknown, speakers)


def macro_f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    return f1_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0)


def test_each_group_is_judged_against_the_rest() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 300)
    women = np.arange(300) % 2 == 0
    predicted = np.where(rng.random(300) < np.where(women, 0.9, 0.4), labels, (labels + 1) % 3)
    speakers: list[str | None] = [f"{'w' if one else 'm'}{n % 20}" for n, one in enumerate(women)]
    groups = {"gender": ["female" if one else "male" for one in women]}
    found = slice_scores(truth_by(speakers, labels), predicted, groups, 3)
    female, male = found["rows"]
    scores = [macro_f1(labels[rows], predicted[rows]) for rows in (women, ~women)]
    assert (female["group"], female["n"], female["speakers"]) == ("female", 150, 10)
    assert female["value"] == pytest.approx(scores[0])
    assert male["value"] == pytest.approx(scores[1])
    assert female["difference"] == pytest.approx(scores[0] - scores[1])
    low, high = female["difference_interval"]
    assert 0 < low < female["difference"] < high
    assert female["p"] == pytest.approx(2 * 2 / 1001)  # no draw is beyond 0; two groups (Holm)
    gap = found["fairness"]["gender"]
    assert gap["gap"]["value"] == pytest.approx(scores[0] - scores[1])
    assert (gap["highest"], gap["lowest"]) == ("female", "male")


def test_groups_of_one_speaker_resample_utterances() -> None:
    labels = np.arange(60) % 3
    predicted = np.where(np.arange(60) % 4 == 0, 0, labels)
    names: list[str | None] = [f"s{row % 3}" for row in range(60)]
    found = slice_scores(truth_by(names, labels), predicted, {"speaker": names}, 3)
    assert [row["speakers"] for row in found["rows"]] == [1, 1, 1]
    assert found["fairness"] == {}  # the gaps are those of genders and languages
    assert all(
        row["interval"][0] < row["interval"][1] or row["value"] == 1 for row in found["rows"]
    )


def test_a_small_group_of_one_speaker_leaves_speakers_whole() -> None:
    labels = np.arange(241) % 3
    speakers: list[str | None] = [f"{'ab'[row % 2]}{row % 24 // 2}" for row in range(240)]
    wrong = np.array([int(str(name)[1:]) % 3 == 0 for name in speakers] + [False])
    predicted = np.where(wrong, (labels + 1) % 3, labels)  # All or nothing of a speaker is right.
    names: list[str | None] = [str(name)[0] for name in speakers]
    without = slice_scores(
        truth_by(speakers, labels[:240]), predicted[:240], {"language": names}, 3
    )
    found = slice_scores(
        truth_by([*speakers, "c0"], labels[:241]), predicted[:241], {"language": [*names, "c"]}, 3
    )
    widths = [np.ptp(one["rows"][0]["interval"]) for one in (without, found)]
    assert widths[1] == pytest.approx(widths[0], rel=0.15)  # Utterances give half of it.


def test_small_and_unknown_groups_are_left_out() -> None:
    labels = np.arange(40) % 3
    names: list[str | None] = ["a"] * 15 + ["b"] * 14 + ["c"] * 9 + [None] * 2
    truth = truth_by([f"s{row % 11}" for row in range(40)], labels)
    found = slice_scores(truth, labels, {"language": names}, 3)
    assert [(row["group"], row["n"]) for row in found["rows"]] == [("a", 15), ("b", 14)]
    assert [row["difference"] for row in found["rows"]] == [0, 0]
    assert slice_scores(truth, labels, {"language": ["a"] * 40}, 3) == {"rows": [], "fairness": {}}
    assert slice_scores(truth, labels, {}, 3) == {"rows": [], "fairness": {}}


def test_the_rest_of_a_group_has_the_small_groups_too() -> None:
    labels = np.arange(40) % 3
    predicted = labels.copy()
    predicted[:15] = 0  # group a
    predicted[29:] = 1  # a group that is too small to be judged
    names: list[str | None] = ["a"] * 15 + ["b"] * 14 + ["c"] * 9 + ["c"] * 0 + [None] * 2
    truth = truth_by([None] * 40, labels)
    found = slice_scores(truth, predicted, {"language": names}, 3)
    rest = slice(15, 38)
    expected = macro_f1(labels[:15], predicted[:15]) - macro_f1(labels[rest], predicted[rest])
    assert found["rows"][0]["difference"] == pytest.approx(expected)


def test_groups_of_the_manifest_and_the_transcripts() -> None:
    frame = pd.DataFrame(
        {
            "id": list("abcdef"),
            "gender": ["f", "f", "m", None, "m", "f"],
            "language": ["de"] * 6,
            "duration_s": [1.0, 1.0, 2.0, 3.0, 4.0, np.nan],
            "text": ["one", "two words", None, "now three words", "", "x y z w"],
        }
    )
    manifest = Manifest(frame, LabelScheme("three", ("x", "y", "z")))
    shares = np.array(
        [[1, 0, 0], [0.7, 0.3, 0], [0.4, 0.3, 0.3], [np.nan] * 3, [1, 0, 0], [2 / 3, 1 / 3, 0]]
    )
    truth = truth_by(["p", "q", "p", "q", None, "p"], np.array([0, 0, 0, -1, 0, 0]), shares)
    found = groups_of(manifest.frame, truth)
    assert found["speaker"] == ["p", "q", "p", "q", None, "p"]
    assert found["gender"] == ["f", "f", "m", None, "m", "f"]
    assert "language" not in found  # everybody speaks German
    short, middle, long = "1.00 – 1.00 s", "2.00 – 2.00 s", "3.00 – 4.00 s"
    assert found["duration"] == [short, short, middle, long, long, None]
    assert found["rater agreement"] == [
        "all raters agree",
        "at least 2/3 agree",
        "less than 2/3 agree",
        None,
        "all raters agree",
        "at least 2/3 agree",
    ]
    assert found["words"] == [
        "0 – 1 words",
        "2 – 2 words",
        None,
        "3 – 4 words",
        "0 – 1 words",
        "3 – 4 words",
    ]
    table = pd.DataFrame(
        {"text": ["a"] * 6, "flags": [["looping"], [], ["empty", "looping"], [], [], None]}
    )
    flags = groups_of(manifest.frame, truth, table)
    assert flags["ASR flag looping"] == [
        "flagged",
        *["not flagged"],
        "flagged",
        *["not flagged"] * 2,
        None,
    ]
    assert flags["ASR flag empty"].count("flagged") == 1
    assert "words" not in flags  # each transcript has one word


def test_equalised_odds_by_hand() -> None:
    # Group 0: recalls 4/5 and 3/5, so the false alarms are 2/5 and 1/5.
    # Group 1: recalls 2/4 and 6/6, so the false alarms are 0 and 2/4.
    matrices = np.array([[[4, 1], [2, 3]], [[2, 2], [0, 6]]])
    assert odds_violations(matrices) == pytest.approx([0.4, 0.4])
    found = fairness(np.repeat(matrices[None], 3, 0).astype(float), ["a", "b"])
    assert found["equalised_odds"] == {
        "value": pytest.approx(0.4),
        "interval": pytest.approx([0.4, 0.4]),
        "class": 0,
    }


def test_a_group_without_a_class_has_no_rate_for_it() -> None:
    matrices = np.array([[[4, 1], [0, 0]], [[2, 2], [1, 3]], [[5, 0], [1, 1]]])
    # Recalls of class 0 are 4/5, 2/4, 5/5; of class 1 only 3/4 and 1/2.
    assert odds_violations(matrices) == pytest.approx([0.5, 0.5])
    assert odds_violations(matrices[:1]) == pytest.approx([0, 0])
