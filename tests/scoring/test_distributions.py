"""The measures of shares and the agreement of raters, against SciPy, loops and sums by hand."""

import os
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import distance
from scipy.stats import entropy
from sklearn.metrics import f1_score, log_loss, recall_score, top_k_accuracy_score

from medusa.manifests import LabelScheme, Manifest
from medusa.scoring import Truth, truth_of
from medusa.scoring.distributions.human_agreement import (
    agreement_sentence,
    human_agreement,
    vote_counts,
)
from medusa.scoring.distributions.measures import (
    MEASURES,
    in_top_two,
    negative_log_likelihood,
)
from medusa.scoring.distributions.shares import distribution_scores

SHARES = np.array([[1, 0, 0], [0.5, 0.5, 0], [1 / 3] * 3, [0.2, 0, 0.8]])
POSTERIORS = np.array([[0.7, 0.2, 0.1], [0.1, 0.45, 0.45], [1 / 3] * 3, [0.6, 0.4, 0]])


def truth_with(soft: np.ndarray, labels: list[int], speakers: list[str | None]) -> Truth:
    rows = len(labels)
    unknown = np.full((rows, 3), np.nan, np.float32)
    return Truth(np.array(labels), soft.astype(np.float32), unknown, speakers)


def test_divergences_equal_scipy() -> None:
    pairs = list(zip(SHARES[:3], POSTERIORS[:3], strict=True))
    found = MEASURES["kl"].formula(SHARES[:3], POSTERIORS[:3])
    assert found == pytest.approx([entropy(p, q) for p, q in pairs])
    pairs = list(zip(SHARES, POSTERIORS, strict=True))
    found = MEASURES["jensen_shannon"].formula(SHARES, POSTERIORS)
    assert found == pytest.approx([distance.jensenshannon(p, q, 2) ** 2 for p, q in pairs])
    found = MEASURES["cosine"].formula(SHARES, POSTERIORS)
    assert found == pytest.approx([1 - distance.cosine(p, q) for p, q in pairs])
    found = MEASURES["brier"].formula(SHARES, POSTERIORS)
    assert found == pytest.approx([distance.sqeuclidean(p, q) for p, q in pairs])


def test_disjoint_rows_have_one_bit_and_a_finite_divergence() -> None:
    one, other = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    assert MEASURES["jensen_shannon"].formula(one, other) == pytest.approx([1])
    assert MEASURES["kl"].formula(one, other) == pytest.approx([-np.log(1e-12)])


def test_soft_accuracy_is_the_share_of_the_chosen_class() -> None:
    # The second and the third row are ties: the first of the largest posteriors is the class.
    found = MEASURES["soft_accuracy"].formula(SHARES, POSTERIORS)
    assert found == pytest.approx([1, 0.5, 1 / 3, 0.2])


def test_top_two_and_likelihood_equal_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    posteriors, labels = rng.dirichlet(np.ones(4), 50), rng.integers(0, 3, 50)  # no class 3
    classes = [0, 1, 2, 3]
    hits = top_k_accuracy_score(labels, posteriors, k=2, labels=classes)
    assert in_top_two(labels, posteriors).mean() == pytest.approx(hits)
    loss = log_loss(labels, posteriors, labels=classes)
    assert negative_log_likelihood(labels, posteriors).mean() == pytest.approx(loss)


def test_of_equal_posteriors_the_first_two_classes_are_on_top() -> None:
    even = np.full((4, 4), 0.25)
    assert in_top_two(np.arange(4), even).tolist() == [1, 1, 0, 0]


def test_utterances_without_consensus_count_and_those_without_raters_do_not() -> None:
    soft = np.array([[1, 0], [0.5, 0.5], [np.nan, np.nan]])
    truth = truth_with(soft, [0, -1, -1], ["a", "b", "c"])
    posteriors = np.array([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9]])
    found = distribution_scores(truth, posteriors)
    assert found is not None and found["n"] == 2
    assert found["measures"]["soft_accuracy"]["value"] == pytest.approx(0.75)
    assert found["measures"]["brier"]["value"] == pytest.approx((0.08 + 0.02) / 2)
    assert found["mean_shares"] == {
        "raters": pytest.approx([0.75, 0.25]),
        "system": pytest.approx([0.7, 0.3]),
    }
    low, high = found["measures"]["soft_accuracy"]["interval"]
    assert low == pytest.approx(0.5) and high == pytest.approx(1)


def test_unanimous_raters_have_no_distribution() -> None:
    truth = truth_with(np.eye(2), [0, 1], ["a", "b"])
    assert distribution_scores(truth, np.full((2, 2), 0.5)) is None


def slow_agreement(votes: list[list[int]], chosen: list[int], classes: int) -> dict[str, float]:
    """Leave out each rater in a loop; count pairs, and judge by the plurality of the others."""
    rater_pairs, system_pairs, rows = [], [], []
    for raters, own in zip(votes, chosen, strict=True):
        pairs = list(permutations(raters, 2))
        rater_pairs.append(np.mean([one == other for one, other in pairs]))
        system_pairs.append(np.mean([own == other for _, other in pairs]))
        for left, vote in enumerate(raters):
            counts = np.bincount(raters[:left] + raters[left + 1 :], minlength=classes)
            if (counts == counts.max()).sum() == 1:
                rows.append((counts.argmax(), vote, own, 1 / len(raters)))
    truth, vote, own, weight = map(np.array, zip(*rows, strict=True))
    options = {"sample_weight": weight, "average": "macro"}
    present = np.unique(truth)
    return {
        "rater": float(np.mean(rater_pairs)),
        "system": float(np.mean(system_pairs)),
        "rater_f1": f1_score(truth, vote, labels=present, zero_division=0, **options),
        "system_f1": f1_score(truth, own, labels=present, zero_division=0, **options),
        "rater_uar": recall_score(truth, vote, labels=present, zero_division=0, **options),
        "system_accuracy": float(((truth == own) * weight).sum() / weight.sum()),
    }


def test_agreement_equals_a_loop_over_left_out_raters() -> None:
    rng = np.random.default_rng(3)
    votes = [rng.integers(0, 3, rng.integers(3, 8)).tolist() for _ in range(40)]
    chosen = rng.integers(0, 3, 40)
    counts = np.stack([np.bincount(one, minlength=3) for one in votes])
    truth = truth_with(np.full((40, 3), np.nan), [-1] * 40, [f"s{n % 12}" for n in range(40)])
    found = human_agreement(truth, chosen, counts)
    assert found is not None and found["n"] == 40
    assert found["raters"] == pytest.approx(np.mean([len(one) for one in votes]))
    slow = slow_agreement(votes, chosen.tolist(), 3)
    assert found["rater"]["agreement"]["value"] == pytest.approx(slow["rater"])
    assert found["system"]["agreement"]["value"] == pytest.approx(slow["system"])
    assert found["ratio"]["value"] == pytest.approx(slow["system"] / slow["rater"])
    assert found["rater"]["macro_f1"]["value"] == pytest.approx(slow["rater_f1"])
    assert found["system"]["macro_f1"]["value"] == pytest.approx(slow["system_f1"])
    assert found["rater"]["uar"]["value"] == pytest.approx(slow["rater_uar"])
    assert found["system"]["accuracy"]["value"] == pytest.approx(slow["system_accuracy"])
    most = np.mean([max(np.bincount(one)) / len(one) for one in votes])
    assert found["plurality"]["value"] == pytest.approx(most)
    for name in ("rater", "system"):
        low, high = found[name]["agreement"]["interval"]
        assert low < found[name]["agreement"]["value"] < high


def test_one_or_two_raters_have_no_level() -> None:
    truth = truth_with(np.eye(2), [0, 1], ["a", "a"])
    assert human_agreement(truth, np.array([0, 1]), np.array([[1, 0], [1, 1]])) is None


def test_raters_who_never_agree_have_no_ratio() -> None:
    truth = truth_with(np.full((1, 3), 1 / 3), [-1], ["a"])
    found = human_agreement(truth, np.array([2]), np.ones((1, 3), np.int64))
    assert found is not None and found["ratio"] is None
    assert found["rater"]["agreement"]["value"] == 0 and found["rater"]["macro_f1"]["value"] == 0
    assert agreement_sentence(found) == (
        "Two raters of an utterance choose the same class in 0.0 % of the cases, and the run and a "
        "rater do so in 33.3 %."
    )


def test_votes_are_counted_by_id_and_only_for_classes() -> None:
    frame = pd.DataFrame({"id": ["u", "v", "w"], "split": "test"})
    votes = pd.DataFrame({"id": list("uuvww"), "primary": ["x", "y", "x", "other", None]})
    manifest = Manifest(frame, LabelScheme("two", ("x", "y")), votes)
    counts = vote_counts(manifest, ["w", "u"])
    assert counts is not None and counts.tolist() == [[0, 0], [1, 1]]
    assert vote_counts(Manifest(frame, manifest.scheme), ["u"]) is None


@pytest.mark.skipif("MEDUSA_REAL_DATA" not in os.environ, reason="needs MEDUSA_REAL_DATA")
def test_the_face_of_crema_d_reaches_most_of_the_agreement_of_its_voice() -> None:
    """The plurality of those who saw the face is judged by those who heard the voice."""
    from medusa.manifests.importers import crema_d

    root = Path(os.environ["MEDUSA_REAL_DATA"]) / "crema-d"
    voice, face = (crema_d.import_corpus(root, channel=name) for name in ("voice", "face"))
    voice.frame["split"] = "test"
    ids = voice.frame["id"].tolist()
    truth = truth_of(voice, ids, ["test"] * len(ids), voice.scheme.classes)
    seen, heard_votes = vote_counts(face, ids), vote_counts(voice, ids)
    assert seen is not None and heard_votes is not None
    found = human_agreement(truth, seen.argmax(1), heard_votes)
    assert found is not None and found["n"] == 7442
    pairs = (heard_votes * (heard_votes - 1)).sum(1) / (
        heard_votes.sum(1) * (heard_votes.sum(1) - 1)
    )
    assert found["rater"]["agreement"]["value"] == pytest.approx(pairs.mean())
    assert agreement_sentence(found) == (
        "Two raters of an utterance choose the same class in 46.5 % of the cases, and the run and "
        "a rater do so in 41.9 %: the run reaches 90 % of human agreement (95 % interval "
        "87 – 92 %; 7,442 utterances with at least 3 raters)."
    )
