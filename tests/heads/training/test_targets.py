"""Votes in training: counted by hand, thinned as often as asked, refused where they are not."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from medusa.errors import ConfigError
from medusa.heads.config import load
from medusa.heads.examples.join import _examples
from medusa.heads.examples.votes import votes_of
from medusa.heads.fitting.fit import prepare
from medusa.heads.spec import HeadSpec
from medusa.heads.training.train_rows import Targets, check_votes, training_rows
from medusa.manifests import LabelScheme, Manifest
from medusa.workspace import Workspace

CLASSES = ("angry", "happy", "sad")


def with_votes() -> Manifest:
    said = [
        ("a", "angry", ["happy", "sad"]),
        ("a", "angry", []),
        ("a", "sad", ["happy"]),
        ("a", "other", None),
        ("b", "happy", None),
    ]
    votes = pd.DataFrame(said, columns=["id", "primary", "secondary"])
    votes["rater"] = "r"
    votes[["arousal", "valence", "dominance"]] = np.nan
    return Manifest(pd.DataFrame({"id": ["b", "c", "a"]}), LabelScheme("toy", CLASSES), votes)


def test_votes_are_counted_by_id():
    first, second = votes_of(with_votes())
    assert first.tolist() == [[0, 1, 0], [0, 0, 0], [2, 0, 1]]
    assert second[0].tolist() == [0, 0, 0]  # one rater, no second choice
    assert second[1].isnan().all()  # nobody was asked
    assert second[2].tolist() == [0, 0.5, 0.25]  # two and one of four raters


def test_without_votes_nothing_is_known():
    manifest = with_votes()
    manifest.votes = None
    first, second = votes_of(manifest)
    assert first.sum() == 0 and second.isnan().all()


def targets(votes: list[list[float]]) -> Targets:
    counts = torch.tensor(votes)
    soft = counts / counts.sum(1, keepdim=True)
    nothing = torch.full((len(counts), 3), torch.nan)
    return Targets(soft, nothing, torch.full_like(counts, torch.nan), counts)


def test_annotator_dropout_leaves_out_each_rater_with_its_probability():
    many = targets([[3.0, 1.0]] * 20_000)
    thinned = many.thinned(0.3, np.random.default_rng(0)).soft
    # by enumeration of the kept votes i of 3, j of 1; all lost: as it was
    expected = 0.0
    for i, ways in enumerate((1, 3, 3, 1)):
        for j in (0, 1):
            chance = ways * 0.7**i * 0.3 ** (3 - i) * (0.7 if j else 0.3)
            expected += chance * (i / (i + j) if i + j else 3 / 4)
    assert thinned[:, 0].mean().item() == pytest.approx(expected, abs=0.01)
    torch.testing.assert_close(thinned.sum(1), torch.ones(20_000))
    lost = (0.3**4) * 20_000
    assert abs((thinned[:, 0] == 0.75).sum().item() - lost - 0.7**4 * 20_000) < 400
    assert many.thinned(0.0, np.random.default_rng(0)) is many


def test_dropout_and_second_choices_need_votes():
    good = targets([[3.0, 1.0]])
    check_votes(good, 0.2, False)
    with pytest.raises(ConfigError, match="not shares of first choices"):
        check_votes(dataclasses.replace(good, soft=torch.tensor([[1.0, 0.0]])), 0.2, False)
    with pytest.raises(ConfigError, match="no votes"):
        check_votes(dataclasses.replace(good, votes=torch.zeros(1, 2)), 0.2, False)
    with pytest.raises(ConfigError, match="second emotion"):
        check_votes(good, 0.0, True)


def test_rows_without_consensus_can_be_left_out_of_soft_labels(workspace):
    job = prepare(
        Workspace.open(workspace), HeadSpec("a", load("small", ("train.rows=consensus",)))
    )
    rows, answers = training_rows(job.examples, job.spec.config)
    assert "u6" not in [job.examples.ids[row] for row in rows] and len(rows) == 39
    assert answers.soft.max() < 1  # soft still
    everything, _ = training_rows(job.examples, load("small"))
    assert len(everything) == 40


def test_examples_carry_the_votes_of_their_rows():
    manifest = with_votes()
    manifest.frame["split"] = "train"
    examples = _examples(manifest, [], [])
    assert examples.ids == ["b", "c", "a"] and examples.votes[2].tolist() == [2, 0, 1]
    assert examples.neutral is None
