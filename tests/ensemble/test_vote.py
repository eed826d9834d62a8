"""Votes by hand."""

import numpy as np
import pytest

from medusa.ensemble.voting import majority_vote, mean_attributes, product_vote, soft_vote

# three members, two utterances, three classes
POSTERIORS = np.array(
    [
        [[0.5, 0.4, 0.1], [0.6, 0.3, 0.1]],
        [[0.5, 0.3, 0.2], [0.1, 0.7, 0.2]],
        [[0.0, 0.9, 0.1], [0.2, 0.3, 0.5]],
    ]
)


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)


def test_majority_counts_first_choices() -> None:
    # utterance 0: two say class 0, though class 1 has more mass (1.6 against 1.0)
    assert majority_vote(POSTERIORS)[0].argmax() == 0


def test_majority_ties_go_to_the_summed_posterior() -> None:
    # utterance 1: one vote each; masses 0.9, 1.3, 0.8
    assert majority_vote(POSTERIORS)[1].argmax() == 1


def test_majority_by_hand() -> None:
    # votes + mean posterior: 2 + 1/3, 1 + 1.6/3, 0.4/3; four in all
    expected = np.array([2 + 1 / 3, 1 + 1.6 / 3, 0.4 / 3]) / 4
    assert softmax(majority_vote(POSTERIORS))[0] == pytest.approx(expected)


def test_soft_vote_is_the_mean_posterior() -> None:
    assert soft_vote(POSTERIORS)[0].argmax() == 1
    assert softmax(soft_vote(POSTERIORS)) == pytest.approx(POSTERIORS.mean(0))


def test_product_vote_is_the_geometric_mean() -> None:
    # utterance 1: (0.6 0.1 0.2)^(1/3) = 0.229, (0.3 0.7 0.3)^(1/3) = 0.398, 0.215; in all 0.842
    assert softmax(product_vote(POSTERIORS))[1] == pytest.approx([0.272, 0.473, 0.255], abs=1e-3)
    # utterance 0: the third member excludes class 0
    assert softmax(product_vote(POSTERIORS))[0, 0] < 1e-3


def test_impossible_classes_keep_finite_logits() -> None:
    certain = np.array([[[1.0, 0.0]], [[1.0, 0.0]]])
    for vote in (majority_vote, soft_vote, product_vote):
        assert np.isfinite(vote(certain)).all()
        assert vote(certain).argmax() == 0


def test_attributes_are_averaged_over_those_who_have_them() -> None:
    assert mean_attributes(np.array([[[1.0, 2, 3]], [[3.0, 4, 5]]])).tolist() == [[2, 3, 4]]
    assert mean_attributes(np.empty((0, 4, 3))) is None


def test_logits_of_votes_are_log_probabilities() -> None:
    for vote in (majority_vote, soft_vote):
        assert np.exp(vote(POSTERIORS)).sum(-1) == pytest.approx([1, 1])
