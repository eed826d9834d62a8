from itertools import product

import numpy as np
import pandas as pd
import pytest

from medusa.recipes.synthetic import world


def test_probabilities_sum_to_one() -> None:
    assert sum(world.PRIOR) == pytest.approx(1)
    for table in (world.POLARITY, world.VOTE):
        np.testing.assert_allclose(np.array(table).sum(1), 1)


def test_likelihood_of_words_counts_every_order() -> None:
    """Against a sum over all ordered draws that give the counts."""
    counts = (1, 0, 2)
    latents = pd.DataFrame([(0.0, *counts)], columns=["arousal_latent", *world.COUNTS])
    expected = []
    for row in world.POLARITY:
        orders = [o for o in product(range(3), repeat=3) if np.bincount(o, minlength=3)[0] == 1]
        orders = [o for o in orders if o.count(2) == 2]
        expected.append(sum(row[a] * row[b] * row[c] for a, b, c in orders))
    got = np.exp(world.log_likelihood(latents, ("words",))[0])
    np.testing.assert_allclose(got, expected)


def test_likelihood_of_voice_is_the_normal_density() -> None:
    latents = pd.DataFrame([(0.3, 1, 1, 0)], columns=["arousal_latent", *world.COUNTS])
    got = world.log_likelihood(latents, ("voice",))[0]
    z = (0.3 - np.array(world.AROUSAL)) / world.AROUSAL_SD
    np.testing.assert_allclose(
        np.exp(got), np.exp(-z * z / 2) / world.AROUSAL_SD / np.sqrt(2 * np.pi)
    )
    both = world.log_likelihood(latents)[0]
    np.testing.assert_allclose(both, got + world.log_likelihood(latents, ("words",))[0])


@pytest.mark.parametrize("views", [("voice",), ("words",), world.VIEWS])
def test_best_accuracy_is_what_the_best_guess_reaches(views: tuple[str, ...]) -> None:
    """Against the mean of the highest posterior over many draws (its deviation is below 0.001)."""
    latents = world.draw(100_000, np.random.default_rng(3))
    joint = np.exp(world.log_likelihood(latents, views)) * np.array(world.PRIOR)
    reached = (joint.max(1) / joint.sum(1)).mean()
    assert world.best_accuracy(views) == pytest.approx(reached, abs=0.003)


def test_neither_view_is_sufficient_alone() -> None:
    voice, words = world.best_accuracy(("voice",)), world.best_accuracy(("words",))
    both = world.best_accuracy()
    most_frequent = max(world.PRIOR)
    assert most_frequent + 0.1 < min(voice, words)
    assert max(voice, words) + 0.15 < both < 0.9


def test_ballots_follow_the_confusion_table() -> None:
    classes = pd.Series(["happy"] * 4000)
    said = np.array(world.ballots(classes, np.random.default_rng(0))).ravel()
    shares = [(said == name).mean() for name in world.BALLOT]
    np.testing.assert_allclose(shares, world.VOTE[world.CLASSES.index("happy")], atol=0.012)
