"""The shrunken map: its two ends, its inner folds, and classes with few rows or without rows."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import check_grad
from torch.nn import functional as F

from medusa.ensemble import shrunken_map
from medusa.ensemble.shrunken_map import (
    RIDGE,
    apply_shrunken,
    chosen_shrinkage,
    evidence_of,
    fit,
    fit_shrunken,
    parts_of,
    penalised,
    vote_of,
)
from medusa.ensemble.stacker import TrainSet
from medusa.heads.runs.run_dir import RunDir
from medusa.tests.command_line import call

CLASSES = 4


def drawn(
    rows: int, members: int = 3, seed: int = 0, strength: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return posteriors (M, B, C) of independent evidence, the inputs (B, M C), and labels (B,)."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(CLASSES, rows, p=[0.4, 0.3, 0.2, 0.1])
    logits = strength * np.eye(CLASSES)[labels] + rng.normal(size=(members, rows, CLASSES))
    posteriors = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return posteriors, np.concatenate(list(posteriors), 1), labels


def train_set(posteriors: np.ndarray, inputs: np.ndarray, labels: np.ndarray) -> TrainSet:
    """Return a training set with five utterances of every speaker."""
    soft = np.eye(CLASSES, dtype=np.float32)[labels]
    names = [f"s{row // 5}" for row in range(len(labels))]
    return TrainSet(inputs, labels, soft, None, posteriors.astype(np.float32), speakers=names)


def test_infinite_shrinkage_is_the_soft_vote() -> None:
    posteriors, inputs, labels = drawn(80)
    evidence = evidence_of(posteriors, inputs)
    logits = apply_shrunken(fit(evidence, labels, math.inf), evidence)
    predicted = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(predicted, posteriors.mean(0), rtol=0, atol=1e-12)
    # A very strong finite shrinkage approaches it.
    strong = apply_shrunken(fit(evidence, labels, 1e9), evidence)
    np.testing.assert_allclose(strong, np.log(posteriors.mean(0)), atol=1e-6)


def test_a_prior_adds_the_frequencies_of_the_classes() -> None:
    """One speaker gives no evidence against the vote, so the posteriors are known by hand."""
    posteriors, inputs, _ = drawn(80)
    labels = np.array([0] * 49 + [1] * 19 + [2] * 9 + [3] * 3)
    rows = replace(train_set(posteriors, inputs, labels), speakers=["one"] * 80)
    logits = apply_shrunken(fit_shrunken(rows, 0.5), evidence_of(posteriors, inputs))
    expected = posteriors.mean(0) * np.sqrt(np.array([50, 20, 10, 4]) / 84)
    np.testing.assert_allclose(np.exp(logits), expected, rtol=1e-6)
    plain = fit_shrunken(rows)
    assert "offset" not in plain
    assert vote_of(plain) == "the soft vote"
    assert vote_of(fit_shrunken(rows, 0.5)) == "the soft vote with a share of the class frequencies"


@pytest.mark.parametrize("shrinkage", [0.0, 0.05])
def test_the_fit_is_that_of_another_optimiser(shrinkage: float) -> None:
    """With 0, it is a plain linear map with a ridge penalty, in which the vote does not occur."""
    posteriors, inputs, labels = drawn(120)
    truth, logs = torch.from_numpy(labels), torch.from_numpy(np.log(posteriors))
    matrix, vote = torch.from_numpy(inputs), torch.from_numpy(np.log(posteriors.mean(0)))
    shared = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    weight = torch.zeros(CLASSES, inputs.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(CLASSES, dtype=torch.float64, requires_grad=True)
    unknown = [shared, weight, bias]
    optimiser = torch.optim.LBFGS(
        unknown, max_iter=5000, tolerance_grad=1e-11, tolerance_change=1e-16, history_size=50,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def logits() -> torch.Tensor:
        linear = (shared[:, None, None] * logs).sum(0) + matrix @ weight.T + bias
        return linear if shrinkage == 0 else linear + shrinkage / (shrinkage + RIDGE) * vote

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(logits(), truth, weight=1 / torch.bincount(truth).double())
        loss = loss + (shrinkage + RIDGE) / 2 * sum((one**2).sum() for one in unknown)
        loss.backward()
        return loss

    optimiser.step(closure)
    evidence = evidence_of(posteriors, inputs)
    own = apply_shrunken(fit(evidence, labels, shrinkage), evidence)
    own, expected = (one - one.mean(1, keepdims=True) for one in (own, logits().detach().numpy()))
    np.testing.assert_allclose(own, expected, atol=5e-3)


def test_the_gradient_is_that_of_the_loss() -> None:
    posteriors, inputs, labels = drawn(40)
    labels[labels == 3] = 0  # Class 3 has no row.
    rest = evidence_of(posteriors, inputs), labels, 0.7, 0.02
    at = np.random.default_rng(1).normal(size=3 + CLASSES * 13)
    found = check_grad(lambda x: penalised(x, *rest)[0], lambda x: penalised(x, *rest)[1], at)
    assert found < 1e-5


def test_no_speaker_is_in_both_parts_of_a_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    posteriors, inputs, labels = drawn(60)
    speakers = np.random.default_rng(2).integers(12, size=60)
    evidence = evidence_of(posteriors, np.c_[inputs, speakers])  # The column tells the speaker.
    seen: list[set[int]] = []

    def watched(learnt: shrunken_map.Evidence, *rest: object, **more: object) -> object:
        seen.append(set(learnt.matrix[:, -2].astype(int).tolist()))
        return fit(learnt, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(shrunken_map, "fit", watched)
    chosen_shrinkage(evidence, labels, speakers)
    parts = parts_of(speakers)
    assert len(seen) == 5 * len(shrunken_map.STRENGTHS)
    for number, learnt in enumerate(seen):
        left_out = set(speakers[parts == number // len(shrunken_map.STRENGTHS)].tolist())
        assert left_out and not left_out & learnt and left_out | learnt == set(range(12))


def test_one_speaker_gives_the_vote_and_unknown_speakers_are_their_own() -> None:
    posteriors, inputs, labels = drawn(200, strength=3.0)
    known = train_set(posteriors, inputs, labels)
    assert fit_shrunken(replace(known, speakers=["s"] * 200))["shrinkage"] == math.inf
    assert replace(known, speakers=["b", None, "a", "b", None, "a"]).speaker_numbers.tolist() == [
        0, 1, 2, 0, 3, 2,
    ]  # fmt: skip


@pytest.mark.parametrize("rare", [2, 0])
def test_a_class_with_two_rows_or_none(rare: int) -> None:
    posteriors, inputs, labels = drawn(90)
    keep = np.ones(90, bool)
    keep[np.flatnonzero(labels == 3)[rare:]] = False
    learnt = train_set(posteriors[:, keep], inputs[keep], labels[keep])
    weights = fit_shrunken(learnt)
    logits = apply_shrunken(weights, evidence_of(posteriors, inputs))
    assert np.isfinite(logits).all()
    for shrinkage in shrunken_map.STRENGTHS:
        fitted = fit(evidence_of(learnt.posteriors, learnt.inputs), learnt.labels, shrinkage)
        assert np.isfinite(fitted["map"]).all()
        assert bool((fitted["map"][3] == 0).all()) is (rare == 0)


def test_many_rows_release_the_map_and_useless_rows_keep_the_vote() -> None:
    posteriors, inputs, labels = drawn(2000)
    weights = fit_shrunken(train_set(posteriors, inputs, labels))
    assert weights["shrinkage"] < 1
    new, new_inputs, truth = drawn(4000, seed=5)
    recall = {
        name: np.mean([(logits.argmax(1)[truth == one] == one).mean() for one in range(CLASSES)])
        for name, logits in (
            ("map", apply_shrunken(weights, evidence_of(new, new_inputs))),
            ("vote", new.mean(0)),
        )
    }
    assert recall["map"] > recall["vote"]
    noise = np.random.default_rng(3).permutation(labels[:60])
    assert fit_shrunken(train_set(posteriors[:, :60], inputs[:60], noise))["shrinkage"] >= 1


def test_the_command_uses_it_and_says_how_many_rows_and_whether_it_gains(
    tmp_path: Path, manifest, add_run
) -> None:
    for name, seed in (("a", 1), ("b", 2), ("c", 3)):
        add_run(name, seed=seed)
    done = call(tmp_path, "stack", "--name", "s")
    run = RunDir(tmp_path / "runs" / "s")
    assert run.config()["method"] == "shrunken" and run.config()["fit_on"] == "dev"
    assert (
        "dev has 44 labelled rows of 3 speakers; the rarest class, angry, has 14 rows"
        in done.stderr
    )
    rows = {line["of"]: line for line in run.read_json("summary.json")["gains"]}
    members = {name: line for name, line in rows.items() if name in "abc"}
    best = min(members, key=lambda name: members[name]["difference"])
    judged = call(tmp_path, "evaluate", "s")
    for name in (f"its best member on test, {best}", "the soft vote"):
        line = rows[best if "best" in name else "soft vote"]
        word = "cannot be told apart from"
        if line["p"] < 0.05:
            word = "is better than" if line["difference"] > 0 else "is worse than"
        assert f"s {word} {name}" in judged.stderr
        assert name not in done.stderr
    assert "s has learnt from dev, so only test can judge it" in done.stderr
    assert json.loads((run.path / "summary.json").read_text())["notes"] == ["made up"]


def test_a_class_with_a_single_row_takes_part_in_the_loss() -> None:
    posteriors, inputs, labels = drawn(60)
    labels = np.where(labels == 3, 0, labels)
    labels[7] = 3
    evidence = evidence_of(posteriors, inputs)
    flat = np.random.default_rng(5).normal(size=3 + CLASSES * (inputs.shape[1] + 1)) / 10
    loss, _ = penalised(flat, evidence, labels, 0.5, 0.02)
    weight = flat[3:].reshape(CLASSES, -1)
    logits = 0.5 * np.log(posteriors.mean(0)) + np.tensordot(flat[:3], np.log(posteriors), 1)
    logits += inputs @ weight[:, :-1].T + weight[:, -1]
    truth = torch.from_numpy(labels)
    each = F.cross_entropy(torch.from_numpy(logits), truth, reduction="none").numpy()
    by_class = [each[labels == number].mean() for number in range(CLASSES)]
    np.testing.assert_allclose(loss, np.mean(by_class) + 0.01 * flat @ flat, rtol=1e-9)


def test_two_speakers_are_enough_to_leave_the_vote() -> None:
    """Both gain as much; a deviation of a sample of two has one degree of freedom."""
    posteriors, _, labels = drawn(100)
    posteriors = posteriors[:, :, [1, 2, 3, 0]]  # The vote is wrong in the same way for both.
    twice = np.concatenate([posteriors, posteriors], 1)
    evidence = evidence_of(twice, np.concatenate(list(twice), 1))
    truth, speakers = np.tile(labels, 2), np.repeat([0, 1], 100)
    assert math.isfinite(chosen_shrinkage(evidence, truth, speakers))


@pytest.mark.parametrize(("gain", "finite"), [(0.41, False), (0.42, True)])
def test_two_speakers_who_agree_by_chance_are_no_proof(
    monkeypatch: pytest.MonkeyPatch, gain: float, finite: bool
) -> None:
    """The speakers agree exactly, so the deviation over the 20 rows is the larger error.

    It is sqrt(20 * 20 / 19) with gains of `gain` plus or minus one. The quantile of Student's t
    with one degree of freedom at .84 is tan(.34 pi), so the bound is positive from .4173 on.
    """
    posteriors, inputs, _ = drawn(20)
    evidence, labels = evidence_of(posteriors, inputs), np.tile([0, 1], 10)
    voted = evidence.vote[np.arange(20), labels]
    gains = np.full((len(shrunken_map.STRENGTHS), 20), -9.0)
    gains[2] = gain + np.tile([1, 1, -1, -1], 5)
    monkeypatch.setattr(shrunken_map, "_left_out", lambda *_: voted + gains)
    speakers = np.array([0] * 8 + [0, 1, 0, 1] + [1] * 8)  # Both have five of each sign.
    chosen = chosen_shrinkage(evidence, labels, speakers)
    assert chosen == (shrunken_map.STRENGTHS[2] if finite else math.inf)
