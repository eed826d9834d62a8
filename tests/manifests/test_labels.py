"""Soft labels and consensus, worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from medusa.errors import ManifestError
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.labels.votes import (
    consensus,
    count_votes,
    from_votes,
    one_hot,
    plurality,
    shares_of,
)

SCHEME = LabelScheme("three", ("angry", "sad", "happy"))


def votes_of(**said: str) -> pd.DataFrame:
    """Return a vote per word: votes_of(u1="angry sad", u2="-"), where - is a null vote."""
    rows = [
        (name, None if word == "-" else word)
        for name, words in said.items()
        for word in words.split()
    ]
    return pd.DataFrame(rows, columns=["id", "primary"])


@pytest.mark.parametrize(
    ("words", "soft", "label"),
    [
        ("angry angry sad happy", [0.5, 0.25, 0.25], "angry"),
        ("angry angry sad other", [2 / 3, 1 / 3, 0.0], "angry"),  # other does not count
        ("angry sad", [0.5, 0.5, 0.0], None),  # a tie
        ("sad other other", [0.0, 1.0, 0.0], None),  # other wins
        ("sad sad bored fed-up", [0.0, 1.0, 0.0], None),  # all that is outside votes together
        ("sad sad sad bored fed-up", [0.0, 1.0, 0.0], "sad"),
        ("sad other", [0.0, 1.0, 0.0], None),  # a tie with other
        ("other other", None, None),
        ("- sad -", [0.0, 1.0, 0.0], "sad"),  # a null vote is no vote
        ("-", None, None),
        ("", None, None),
    ],
)
def test_one_utterance(words: str, soft: list[float] | None, label: str | None) -> None:
    ids = pd.Series(["u"])
    got_label, got_soft = from_votes(votes_of(u=words), ids, SCHEME)
    expected = np.full(3, np.nan) if soft is None else np.array(soft)
    assert list(got_soft.columns) == ["p_angry", "p_sad", "p_happy"]
    np.testing.assert_allclose(got_soft.to_numpy()[0], expected, rtol=1e-6)
    assert (None if pd.isna(got_label[0]) else got_label[0]) == label


def test_votes_are_joined_by_id_not_by_position() -> None:
    votes = votes_of(u2="sad", u1="angry happy", u3="happy").iloc[::-1]
    label, soft = from_votes(votes, pd.Series(["u3", "u1", "u0", "u2"]), SCHEME)
    np.testing.assert_array_equal(
        soft.fillna(-1), [[0, 0, 1], [0.5, 0, 0.5], [-1, -1, -1], [0, 1, 0]]
    )
    assert label.fillna("none").tolist() == ["happy", "none", "none", "sad"]


def test_many_votes_against_a_slow_count() -> None:
    random = np.random.default_rng(0)
    words = np.array(["angry", "sad", "happy", "other", "else"])
    owners, said = random.integers(0, 200, 1500), random.integers(0, 5, 1500)
    votes = pd.DataFrame({"id": owners.astype(str), "primary": words[said]})
    ids = pd.Series([str(number) for number in range(200)])
    counts = count_votes(votes, ids, SCHEME.classes)
    label, soft = from_votes(votes, ids, SCHEME)
    for row, name in enumerate(ids):
        mine = [word for owner, word in votes.to_numpy().tolist() if owner == name]
        expected = [mine.count(word) for word in SCHEME.classes]
        outside = len(mine) - sum(expected)
        assert counts[row].tolist() == [*expected, outside]
        if sum(expected):
            np.testing.assert_allclose(
                soft.to_numpy()[row], np.array(expected) / sum(expected), 1e-6
            )
        else:
            assert soft.iloc[row].isna().all()
        best = max([*expected, outside])
        alone = [*expected, outside].count(best) == 1 and outside != best
        wanted = SCHEME.classes[expected.index(best)] if alone else None
        assert (None if pd.isna(label[row]) else label[row]) == wanted


def test_650_thousand_votes_take_no_time() -> None:
    ids = pd.Series(np.arange(120_000).astype(str))
    votes = pd.DataFrame({"id": np.tile(ids, 5), "primary": np.repeat(["sad", "x"], 300_000)})
    _, soft = from_votes(votes, ids, SCHEME)
    assert soft["p_sad"].notna().all()


def test_a_vote_for_nobody_is_refused() -> None:
    with pytest.raises(ManifestError, match="not in the table: u9"):
        count_votes(votes_of(u1="sad", u9="sad"), pd.Series(["u1"]), SCHEME.classes)


def test_shares_of_counts_and_of_rows_without_any() -> None:
    counts = np.array([[1.0, 3.0, 0.0], [0.0, 0.0, 0.0], [np.nan, 2.0, np.nan]])
    got = shares_of(counts, SCHEME).to_numpy()
    np.testing.assert_allclose(got, [[0.25, 0.75, 0], [np.nan] * 3, [0, 1, 0]])


def test_one_hot() -> None:
    soft = one_hot(pd.Series(["happy", None, "angry"], dtype="str"), SCHEME)
    np.testing.assert_array_equal(soft, [[0, 0, 1], [np.nan] * 3, [1, 0, 0]])


def test_one_hot_names_the_label_outside_the_scheme_and_the_nearest_class() -> None:
    with pytest.raises(
        ManifestError, match=r"'hapy' \(did you mean 'happy'\?\); the classes are ang"
    ):
        one_hot(pd.Series(["hapy", "sad"]), SCHEME)


def test_plurality_of_shares() -> None:
    rows = [[0.4, 0.4, 0.2], [0.2, 0.5, 0.3], [np.nan] * 3, [1 / 3, 1 / 3, 1 / 3]]
    soft = pd.DataFrame(np.array(rows, np.float32), columns=SCHEME.columns)
    assert plurality(soft, SCHEME).fillna("none").tolist() == ["none", "sad", "none", "none"]


def test_consensus_of_no_votes_is_null() -> None:
    assert consensus(np.zeros((2, 4), np.int64), SCHEME.classes).isna().all()
