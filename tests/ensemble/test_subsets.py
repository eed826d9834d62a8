"""Stackers of many subsets at once against each of them apart."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from medusa.ensemble.linear import Training, TrainSet, train, train_subsets
from medusa.ensemble.members import Members, MembersError, join
from medusa.ensemble.stackers import STACKERS, StackConfig, StackError
from medusa.ensemble.subsets import stack_subsets
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests.manifest import Manifest
from medusa.scoring.truth import Truth, truth_of

RNG = np.random.default_rng(0)
LABELS = np.array([0] * 20 + [1] * 12 + [2] * 9)
TRAIN_SET = TrainSet(
    inputs=RNG.random((41, 12)) + np.eye(12)[LABELS],
    labels=LABELS,
    soft=(0.8 * np.eye(3) + 0.2 / 3)[LABELS].astype(np.float32),
    attributes=RNG.uniform(1, 7, (41, 3)).astype(np.float32),
)
COLUMNS = [np.arange(12), np.array([3, 4, 5, 0, 1]), np.array([11])]
SUBSETS = {"all": ["a", "b", "c", "d"], "two": ["d", "b"], "one": ["c"]}


@pytest.mark.parametrize("attributes", [True, False])
@pytest.mark.parametrize(("dtype", "within"), [(torch.float64, 1e-10), (torch.float32, 1e-6)])
def test_maps_of_all_subsets_at_once(attributes: bool, dtype: torch.dtype, within: float) -> None:
    learnt = TRAIN_SET if attributes else replace(TRAIN_SET, attributes=None)
    training, seeds = Training(epochs=40, batch=10), [0, 5, 2]
    together = train_subsets(learnt, COLUMNS, seeds, training, dtype=dtype)
    for columns, states in zip(COLUMNS, together, strict=True):
        own = replace(learnt, inputs=learnt.inputs[:, columns])
        apart = train(own, seeds, training, dtype=dtype)
        for one, other in zip(states, apart, strict=True):
            assert one["weight"].shape == (6 if attributes else 3, len(columns))
            torch.testing.assert_close(one["weight"], other["weight"], rtol=0, atol=within)
            torch.testing.assert_close(one["bias"], other["bias"], rtol=0, atol=within)


@pytest.fixture
def runs(add_run: Callable[..., RunDir]) -> dict[str, RunDir]:
    return {name: add_run(name, seed, 1.5) for seed, name in enumerate("abcd")}


def truth_about(manifest: Manifest, members: Members) -> Truth:
    return truth_of(manifest, members.ids, members.splits.tolist(), members.classes)


@pytest.mark.parametrize("soup", ["uniform", "greedy", "none"])
@pytest.mark.parametrize("with_attributes", [True, False])
def test_each_answer_is_that_of_its_own_stack(
    runs: dict[str, RunDir], manifest: Manifest, soup: str, with_attributes: bool
) -> None:
    config = StackConfig(
        seeds=3, soup=soup, with_attributes=with_attributes, training=Training(epochs=30)
    )
    members = join(list(runs.values()))
    truth = truth_about(manifest, members)
    answers = stack_subsets(members, truth, SUBSETS, config)
    assert list(answers) == list(SUBSETS)
    for name, some in SUBSETS.items():
        joined = join([runs[one] for one in some])
        expected = STACKERS["linear"](joined, truth, config, lambda loss: None)
        found = answers[name]
        np.testing.assert_allclose(found.logits, expected.logits, atol=2e-5)
        np.testing.assert_allclose(found.attributes, expected.attributes, atol=2e-5)
        np.testing.assert_allclose(found.per_seed_logits, expected.per_seed_logits, atol=2e-5)
        assert found.weights.keys() == expected.weights.keys()


def test_what_cannot_be_stacked_at_once(runs: dict[str, RunDir], manifest: Manifest) -> None:
    members = join(list(runs.values()))
    truth = truth_about(manifest, members)
    with pytest.raises(StackError, match="only linear"):
        stack_subsets(members, truth, SUBSETS, StackConfig(method="soft"))
    with pytest.raises(MembersError, match="x, y: not among"):
        stack_subsets(members, truth, {"s": ["a", "x"], "t": ["y"]}, StackConfig())
    with pytest.raises(MembersError, match="s, t: expected names"):
        stack_subsets(members, truth, {"s": [], "t": ["a", "a"]}, StackConfig())
    some = replace(members, attributes=members.attributes[:2])
    with pytest.raises(StackError, match="2 of 4 members"):
        stack_subsets(some, truth, SUBSETS, StackConfig(with_attributes=True))
