"""The head in closed form against other libraries, and what its floor is for."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from scipy.special import softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LinearRegression

from medusa.cache import Packed
from medusa.errors import ConfigError, MedusaError
from medusa.heads.closed_form.calibration import calibrated
from medusa.heads.closed_form.moments import discriminant, moments_of, regression
from medusa.heads.config import HeadConfig, load
from medusa.heads.fitting.apply import apply
from medusa.heads.fitting.fit import prepare
from medusa.heads.networks.discriminant import Averages, floored
from medusa.heads.networks.head import average_frames_of
from medusa.heads.networks.segments import segment_mean
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.heads.training.fitter import DevSelector
from medusa.manifests import Manifest
from medusa.tests.command_line import call, invoke
from medusa.workspace import Workspace

CLASSES, WIDTH = 3, 6
CPU = torch.device("cpu")


def world(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x (B, D) of channels that vary together and by very different amounts, labels, ratings."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(CLASSES, rows, p=(0.6, 0.3, 0.1))
    mixed = np.random.default_rng(9).normal(size=(WIDTH, WIDTH))
    x = (rng.normal(size=(rows, WIDTH)) + 0.8 * np.eye(CLASSES, WIDTH)[labels]) @ mixed
    ratings = x[:, :3] @ rng.normal(size=(3, 3)) + 4 + rng.normal(size=(rows, 3))
    return x * 10.0 ** np.linspace(-1, 1, WIDTH) + 5, labels, ratings


def summed(x: np.ndarray, labels: np.ndarray, ratings: np.ndarray, batch: int = 50):
    values = [torch.from_numpy(part) for part in (x, labels, ratings)]
    starts = range(0, len(x), batch)
    return moments_of(
        ([v[start : start + batch] for v in values] for start in starts), WIDTH, CLASSES, CPU
    )


def test_unshrunk_it_is_scikit_learns() -> None:
    x, labels, ratings = world(400)
    weights, bias = discriminant(summed(x, labels, ratings), 0.0)
    other = LinearDiscriminantAnalysis(solver="lsqr").fit(x, labels)
    alike = other.decision_function(x) - np.log(other.priors_)  # classes equally likely
    expected = softmax(alike, axis=1)
    ours = softmax(x @ weights.numpy().T + bias.numpy(), axis=1)
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_shrinking_by_a_loop() -> None:
    x, labels, ratings = world(300)
    weights, _ = discriminant(summed(x, labels, ratings), 0.3)
    means = np.stack([x[labels == c].mean(0) for c in range(CLASSES)])
    apart = x - means[labels]
    covariance = np.zeros((WIDTH, WIDTH))
    for i in range(WIDTH):
        for j in range(WIDTH):
            value = (apart[:, i] * apart[:, j]).mean()
            covariance[i, j] = value if i == j else 0.7 * value
    expected = np.linalg.solve(covariance, (means - x.mean(0)).T).T
    np.testing.assert_allclose(weights.numpy(), expected, rtol=1e-6)


def test_scaling_a_channel_changes_nothing() -> None:
    x, labels, ratings = world(300)
    answers = []
    for scale in (1.0, 1e4):
        scaled = x * np.array([scale, 1, 1, 1, 1, 1])
        weights, bias = discriminant(summed(scaled, labels, ratings), 0.1)
        answers.append(scaled @ weights.numpy().T + bias.numpy())
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-6, atol=1e-6)


def test_ratings_are_scikit_learns_regression_and_missing_ones_do_not_count() -> None:
    x, labels, ratings = world(400)
    weights, bias = regression(summed(x, labels, ratings), 0.0)
    other = LinearRegression().fit(x, ratings)
    np.testing.assert_allclose(x @ weights.numpy().T + bias.numpy(), other.predict(x), rtol=1e-6)
    few = ratings.copy()
    few[300:, 1], few[:, 2] = np.nan, np.nan
    part, less = regression(summed(x, labels, few), 0.2)
    covariance = np.cov(x.T, bias=True)
    shrunk = np.where(np.eye(WIDTH), covariance, 0.8 * covariance)
    for rating, rows in ((0, 400), (1, 300)):
        here, y = x[:rows], ratings[:rows, rating]
        together = ((here - here.mean(0)) * (y - y.mean())[:, None]).mean(0)
        expected = np.linalg.solve(shrunk, together)
        np.testing.assert_allclose(part[rating].numpy(), expected, rtol=1e-6)
        assert float(less[rating]) == pytest.approx(y.mean() - expected @ here.mean(0))
    assert not part[2].any() and less[2] == 4  # nobody gave it: the middle of the scale


def test_rows_without_a_label_are_of_no_effect_on_classes() -> None:
    x, labels, ratings = world(300)
    more = np.concatenate([x, 50 * np.ones((20, WIDTH))])
    unsure = np.concatenate([labels, np.full(20, -1)])
    none = np.full((20, 3), np.nan)
    one = discriminant(summed(more, unsure, np.concatenate([ratings, none])), 0.1)
    for ours, theirs in zip(one, discriminant(summed(x, labels, ratings), 0.1), strict=True):
        torch.testing.assert_close(ours, theirs)


def averages_of(value: float, utterances: int) -> np.ndarray:
    """What the mean over time makes of a channel that is always the same: nearly the same."""
    lengths = np.random.default_rng(0).integers(1, 1500, utterances)
    frames = torch.full((int(lengths.sum()), 1), value)
    return segment_mean(Packed(frames, torch.from_numpy(lengths))).double().numpy()[:, 0]


@pytest.mark.parametrize("value", [0.0, 1e-4, 0.1, -0.7, 7.0, 12345.678])
def test_a_channel_that_never_varies_is_of_no_effect(value) -> None:
    x, labels, ratings = world(300)
    same = x.copy()
    same[:, 2] = averages_of(value, 300)
    found, without = summed(same, labels, ratings), np.delete(np.arange(WIDTH), 2)
    less = moments_of(
        [[torch.from_numpy(one) for one in (x[:, without], labels, ratings)]], 5, CLASSES, CPU
    )
    for fit in (discriminant, regression):
        (weights, bias), (fewer, other) = fit(found, 0.01), fit(less, 0.01)
        torch.testing.assert_close(weights[:, without], fewer)
        assert not weights[:, 2].any()
        torch.testing.assert_close(bias, other)


def test_floored_by_hand() -> None:
    logits = torch.tensor([[2.0, 0.0, -300.0]], dtype=torch.float64)
    expected = 0.9 * logits.softmax(1) + 0.1 / 3
    torch.testing.assert_close(floored(logits, torch.tensor(0.1)).exp(), expected)
    without = floored(logits, torch.tensor(0.0))
    torch.testing.assert_close(without, logits.log_softmax(1))


def test_calibration_finds_how_often_nothing_is_said() -> None:
    """A fifth of the rows says nothing, the others' logits are three times too large."""
    rng = np.random.default_rng(0)
    labels = rng.integers(CLASSES, size=20_000)
    silent = rng.random(20_000) < 0.2
    # logits of exact posteriors at unit noise: 2 x; silent rows show another, random class
    shown = np.where(silent, rng.integers(CLASSES, size=20_000), labels)
    exact = 2 * (np.eye(CLASSES)[shown] * 2 + rng.normal(size=(20_000, CLASSES)))
    scale, floor = calibrated(torch.from_numpy(3 * exact), labels)
    assert abs(scale - 1 / 3) < 0.02 and abs(floor - 0.2) < 0.02


def test_rows_that_are_told_apart_do_not_make_it_sure() -> None:
    labels = np.arange(8) % CLASSES
    _, floor = calibrated(torch.from_numpy(9.0 * np.eye(CLASSES)[labels]), labels)
    assert floor == pytest.approx(1 / 10)


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e5])
def test_calibration_whatever_the_size_of_the_logits(size) -> None:
    """Half of what is said is wrong, and sure: the best of a fine grid, at any size."""
    rng = np.random.default_rng(1)
    labels = rng.integers(CLASSES, size=400)
    shown = np.where(rng.random(400) < 0.5, rng.integers(CLASSES, size=400), labels)
    logits = 4 * np.eye(CLASSES)[shown] + rng.normal(size=(400, CLASSES))
    scale, floor = calibrated(torch.from_numpy(logits * size), labels)

    def loss(one: float, other: float) -> float:
        said = floored(torch.from_numpy(logits * one), torch.tensor(other, dtype=torch.float64))
        shares = 1 / np.bincount(labels)[labels] / CLASSES
        return -float((shares * said.numpy()[np.arange(400), labels]).sum())

    grid = [loss(a, b) for a in np.geomspace(1e-3, 100, 60) for b in np.linspace(0.01, 0.5, 26)]
    assert loss(scale * size, floor) < min(grid) + 1e-5


SMALL = ("head.name=discriminant", "train.draws=5")


def fitted(workspace, name: str, *settings: str) -> RunDir:
    options = [part for one in (*SMALL, *settings) for part in ("--set", one)]
    call(workspace, "fit-head", "--config", "small", "--name", name, *options)
    return RunDir(workspace / "runs" / name)


def test_a_run_has_what_every_run_has(workspace) -> None:
    run = fitted(workspace, "lda")
    lines = run.metrics()
    assert [line["shrinkage"] for line in lines] == [1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001]
    summary, said = run.read_json("summary.json"), run.predictions()
    assert summary["dev_macro_f1"] == max(line["dev_macro_f1"] for line in lines) > 0.8
    best = max(lines, key=lambda line: line["dev_macro_f1"])  # of equally good ones the first
    assert summary["best_at"] == f"shrinkage {best['shrinkage']:g}"
    examples = prepare(Workspace.open(workspace), HeadSpec("a", load("small", SMALL))).examples
    dev = examples.rows("dev")
    dev = dev[examples.labels[dev] >= 0]
    logits = said.select([examples.ids[row] for row in dev]).logits().copy()
    judge = DevSelector(examples, load("small", SMALL).train)
    assert judge.score(logits) == pytest.approx(summary["dev_macro_f1"])
    assert judge.loss(logits) == pytest.approx(best["dev_loss"], abs=1e-4)
    floor = load_file(run.path / "weights.safetensors")["output.floor"]
    posteriors = softmax(said.logits(), axis=1)
    assert floor > 0 and posteriors.min() >= float(floor) / CLASSES - 1e-6


def test_attributes_are_learnt(workspace) -> None:
    """Arousal is what the first channel says; dominance nobody has rated."""
    place = Workspace.open(workspace)
    examples = prepare(place, HeadSpec("a", load("small", SMALL))).examples
    manifest = Manifest.read(place.manifest)
    first = {
        name: float(examples.streams[0].store.read([content]).values[:, 0].mean())
        for name, content in zip(manifest.frame["id"], manifest.frame["content"], strict=True)
    }
    manifest.frame["arousal"] = [4 + first[name] / 2 for name in manifest.frame["id"]]
    manifest.frame.loc[::7, "valence"] = np.nan
    manifest.frame["dominance"] = np.nan
    manifest.write(place.manifest)
    said = fitted(workspace, "rated").predictions()
    arousal = said.attributes()[:, 0]
    assert np.corrcoef(arousal, [first[name] for name in said.ids])[0, 1] > 0.9
    np.testing.assert_allclose(said.attributes()[:, 2], 4)


def test_features_that_are_no_numbers_are_refused(workspace, monkeypatch) -> None:
    monkeypatch.setattr(Averages, "forward", lambda self, x: torch.full((len(x[0]), 12), torch.nan))
    with pytest.raises(MedusaError, match="cache verify"):
        fitted(workspace, "nan")


def test_the_seed_the_stages_and_the_width_do_not_matter(workspace) -> None:
    one = fitted(workspace, "one").predictions().logits()
    settings = ("seed=5", "stages.0.epochs=9", "head.average_frames=3", "head.width=8")
    other = fitted(workspace, "other", *settings)
    np.testing.assert_array_equal(one, other.predictions().logits())
    assert average_frames_of(HeadConfig("discriminant", average_frames=4)) == 1
    assert average_frames_of(HeadConfig("deepser", average_frames=4)) == 4


def test_it_is_applied_again_and_stacks(workspace) -> None:
    run = fitted(workspace, "one")
    fitted(workspace, "two", "head.pooling=statistics")
    place = Workspace.open(workspace)
    again = apply(run, Manifest.read(place.manifest), place)
    theirs = run.predictions()
    np.testing.assert_allclose(again.select(theirs.ids).logits(), theirs.logits(), atol=1e-5)
    call(workspace, "stack", "one", "two", "--method", "opinion-pool")


def test_positions_are_weighed_before_it_is_fitted(workspace) -> None:
    plain, run = fitted(workspace, "plain"), fitted(workspace, "placed", "head.pooling=positional")
    weights, other = (load_file(one.path / "weights.safetensors") for one in (run, plain))
    positions = [value for name, value in weights.items() if name.endswith("position")]
    assert len(positions) == 2 and all(one.max() == 0 > one.min() for one in positions)
    assert not np.allclose(weights["output.classes.weight"], other["output.classes.weight"])
    told = run.read_json("summary.json")["positions"]
    assert len(told) == 2 and all(max(one) == 1 > min(one) > 0 for one in told)
    assert plain.read_json("summary.json")["positions"] == []
    again = fitted(workspace, "again", "head.pooling=positional", "seed=3")
    np.testing.assert_array_equal(again.predictions().logits(), run.predictions().logits())
    place = Workspace.open(workspace)
    applied = apply(run, Manifest.read(place.manifest), place).select(run.predictions().ids)
    np.testing.assert_allclose(applied.logits(), run.predictions().logits(), atol=1e-5)


def test_every_fold_has_a_discriminant_of_its_own(workspace) -> None:
    run = fitted(workspace, "folds", "train.folds=2")
    whole = run.predictions().frame
    assert set(whole["fold"][whole["split"] == "train"]) == {0, 1}
    apart = [RunDir(run.path / f"fold-{fold}").predictions().logits() for fold in (0, 1)]
    assert not np.allclose(apart[0][:3], apart[1][:3])


def test_what_it_cannot_do_is_said(workspace) -> None:
    config = load("small", (*SMALL, "loss.secondary_weight=1", "head.attribute_map=sigmoid"))
    with pytest.raises(ConfigError, match=r"(?s)attribute_map: .*linear.*secondary_weight: .* 0"):
        prepare(Workspace.open(workspace), HeadSpec("a", config))
    path = workspace / "manifest.parquet"
    manifest = Manifest.read(path)
    manifest.frame.loc[manifest.frame["label"] == "sad", "label"] = None  # soft labels stay
    manifest.write(path)
    done = invoke(workspace, "fit-head", "--config", "small", "--set", SMALL[0])
    said = "none of those that it learns from has the consensus sad"
    assert done.exit_code == 1 and said in str(done.exception)
