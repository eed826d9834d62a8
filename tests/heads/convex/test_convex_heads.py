"""Convex heads against scikit-learn, fitted here on the same rows with the chosen settings."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from medusa.errors import ConfigError, DataError, MedusaError
from medusa.heads.config import load
from medusa.heads.convex.classifiers import CLASSIFIERS, in_their_span
from medusa.heads.convex.speaker_folds import speaker_folds
from medusa.heads.fitting.apply import apply
from medusa.heads.fitting.fit import prepare
from medusa.heads.fitting.stored_head import StoredHead
from medusa.heads.networks.head import device_of
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.manifests import Manifest
from medusa.tests.command_line import invoke
from medusa.tests.heads.conftest import make_workspace
from medusa.workspace import Workspace

NAMES = ("logistic", "svm", "knn")
POOLED = "head.pooling=functionals"


@pytest.fixture(scope="module")
def fitted_once(tmp_path_factory):
    """A larger workspace with one run of each head, on functionals."""
    root = make_workspace(tmp_path_factory.mktemp("convex"), 120)
    return root, {name: fit(root, name, f"head.name={name}", POOLED) for name in NAMES}


def fit(workspace, run: str, *settings: str) -> RunDir:
    options = [part for one in ("train.draws=5", *settings) for part in ("--set", one)]
    done = invoke(workspace, "fit-head", "--config", "small", "--name", run, *options)
    if done.exception is not None:
        raise done.exception
    return RunDir(workspace / "runs" / run)


def functionals(frames: np.ndarray) -> np.ndarray:
    """Return the statistics of `head.functionals` in double precision."""
    deltas = np.diff(frames, axis=0) if len(frames) > 1 else np.zeros_like(frames)
    parts = [frames.mean(0), frames.std(0), np.abs(deltas).mean(0), deltas.std(0)]
    return np.concatenate([*parts, *np.quantile(frames, (0.1, 0.5, 0.9), axis=0)])


def pooled(root) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return ids, x, labels, ratings and splits of all rows, read from the stores."""
    config = load("small", ("head.name=logistic",))
    examples = prepare(Workspace.open(root), HeadSpec("a", config)).examples
    rows = [np.array([row]) for row in range(len(examples.ids))]
    x = np.stack(
        [
            np.concatenate([functionals(one.values.double().numpy()) for one in inputs])
            for inputs in examples.read_batches(rows)
        ]
    )
    return examples.ids, x, examples.labels, examples.ratings.double().numpy(), examples.splits


@pytest.mark.parametrize("name", ["logistic", "svm", "knn"])
def test_the_settings_that_are_tried_are_those_of_the_documentation(name: str) -> None:
    page = (Path(__file__).parents[3] / "docs/heads.md").read_text(encoding="utf-8")
    table = page.partition("settings that are tried")[2]
    row = next(one for one in table.splitlines() if one.startswith(f"| `{name}`"))
    grids = re.findall(r"`(\w+)` of ([\d., and]+)", row)
    values = {key: list(map(float, re.findall(r"[\d.]*\d", text))) for key, text in grids}
    expected = [dict(zip(values, one, strict=True)) for one in itertools.product(*values.values())]
    found = [
        {key: value * (10 if key == "gamma" else 1) for key, value in one.items()}
        for one in CLASSIFIERS[name].grid(10)
    ]
    assert sorted(found, key=lambda one: list(one.values())) == [
        pytest.approx(one) for one in expected
    ]


def chosen(run: RunDir) -> dict[str, float]:
    """Return the settings of the line of metrics with the smallest loss, the first of several."""
    lines = [line for line in run.metrics() if "out_of_fold_loss" in line]
    return min(lines, key=lambda line: line["out_of_fold_loss"])


def decisions(name: str, settings, x, labels) -> np.ndarray:
    """Return the scores of all rows by scikit-learn, fitted on the labelled training rows."""
    all_x = x[1]
    train, y = labels
    scaled = StandardScaler().fit(all_x[train]).transform(all_x)
    if name == "logistic":
        model = LogisticRegression(
            C=settings["C"], class_weight="balanced", tol=1e-7, max_iter=5000
        )
        return model.fit(scaled[train], y).predict_log_proba(scaled)
    if name == "svm":
        columns = []
        for number in range(3):
            model = SVC(C=settings["C"], gamma=settings["gamma"], class_weight="balanced")
            columns.append(model.fit(scaled[train], y == number).decision_function(scaled))
        return np.stack(columns, 1)
    model = KNeighborsClassifier(int(settings["k"])).fit(scaled[train], y)
    shares = model.predict_proba(scaled) / np.bincount(y)
    return np.log(shares / shares.sum(1, keepdims=True) + 0.01)


@pytest.mark.parametrize("name", NAMES)
def test_predictions_are_scikit_learns(fitted_once, name: str) -> None:
    root, runs = fitted_once
    rows = pooled(root)
    ids, _, labels, _, splits = rows
    train = (splits == "train") & (labels >= 0)
    run = runs[name]
    arrays = load_file(run.path / "weights.safetensors")
    scores = decisions(name, chosen(run), rows, (train, labels[train]))
    scale, floor = float(arrays["output.scale"]), float(arrays["output.floor"])
    posteriors = (1 - floor) * softmax(scale * scores, axis=1) + floor / 3
    found = softmax(run.predictions().select(ids).logits().astype(float), axis=1)
    np.testing.assert_allclose(found, posteriors, atol=1e-6)
    if name == "logistic":
        assert (scale, floor) == (1, 0)
    else:
        assert floor >= 1 / (train.sum() + 2)


@pytest.mark.parametrize("name", NAMES)
def test_arrays_are_in_double_precision_and_apply(fitted_once, name: str) -> None:
    root, runs = fitted_once
    run, place = runs[name], Workspace.open(root)
    arrays = load_file(run.path / "weights.safetensors")
    assert arrays["output.mean"].dtype == np.float64
    head = StoredHead.read(run).build([6, 6], [1, 1], torch.device("cpu"))
    for key, value in head.state_dict().items():
        np.testing.assert_array_equal(arrays[key], value.numpy())
    applied = apply(run, Manifest.read(place.manifest), place)
    theirs = run.predictions()
    np.testing.assert_allclose(applied.select(theirs.ids).logits(), theirs.logits(), atol=1e-5)
    summary = run.read_json("summary.json")
    best = chosen(run)
    assert (
        summary["dev_macro_f1"] > 0.7 and len(run.metrics()) == len(CLASSIFIERS[name].grid(1)) + 1
    )
    assert all(f"{best[key]:g}" in summary["best_at"] for key in ("C", "k") if key in best)


def test_attributes_are_scikit_learns_ridge(fitted_once) -> None:
    root, runs = fitted_once
    ids, x, labels, ratings, splits = pooled(root)
    train = splits == "train"
    known = train & (labels >= 0)
    scaled = StandardScaler().fit(x[known]).transform(x)
    found = runs["svm"].predictions().select(ids).attributes()
    speakers = np.array([f"s{int(name[1:]) % 6}" for name in ids])
    for number in range(3):
        rated = train & ~np.isnan(ratings[:, number])
        errors = {}
        for alpha in (1e4, 1e3, 100.0, 10.0, 1.0):
            total = 0.0
            for speaker in np.unique(speakers[train]):  # four speakers are four folds
                held = rated & (speakers == speaker)
                rest = rated & ~held
                model = Ridge(alpha).fit(scaled[rest], ratings[rest, number])
                total += ((model.predict(scaled[held]) - ratings[held, number]) ** 2).sum()
            errors[alpha] = total
        best = min(errors, key=errors.__getitem__)
        model = Ridge(best).fit(scaled[rated], ratings[rated, number])
        np.testing.assert_allclose(found[:, number], model.predict(scaled), atol=1e-5)


def test_the_loss_of_logistic_settings_is_that_of_a_plain_loop(fitted_once) -> None:
    root, runs = fitted_once
    ids, x, labels, _, splits = pooled(root)
    train = (splits == "train") & (labels >= 0)
    speakers = np.array([f"s{int(name[1:]) % 6}" for name in ids])
    for line in runs["logistic"].metrics()[:-1]:
        losses = {number: [] for number in range(3)}
        for speaker in np.unique(speakers[train]):
            held = train & (speakers == speaker)
            rest = train & ~held
            model = make_pipeline(
                StandardScaler(),
                LogisticRegression(C=line["C"], class_weight="balanced", tol=1e-7, max_iter=5000),
            ).fit(x[rest], labels[rest])
            for row, label in zip(model.predict_log_proba(x[held]), labels[held], strict=True):
                losses[label].append(-row[label])
        expected = np.mean([np.mean(values) for values in losses.values()])
        assert line["out_of_fold_loss"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_test_and_dev_rows_choose_nothing(workspace, tmp_path, name: str) -> None:
    """With other labels of dev and test, the arrays are the same."""
    first = fit(workspace, "one", f"head.name={name}")
    place = Workspace.open(workspace)
    manifest = Manifest.read(place.manifest)
    other = (manifest.frame["split"] != "train") & manifest.frame["label"].notna()
    labels = manifest.frame.loc[other, "label"]
    manifest.frame.loc[other, "label"] = np.roll(labels.to_numpy(object), 1)
    manifest.write(place.manifest)
    second = fit(workspace, "two", f"head.name={name}", "seed=5")
    arrays = [load_file(run.path / "weights.safetensors") for run in (first, second)]
    for key, value in arrays[0].items():
        np.testing.assert_array_equal(value, arrays[1][key])


@pytest.mark.parametrize("name", NAMES)
def test_folds_stacks_and_two_classes(workspace, name: str) -> None:
    run = fit(workspace, "a", f"head.name={name}", "train.folds=2")
    frame = run.predictions().frame
    assert set(frame["fold"][frame["split"] == "train"]) == {0, 1}
    fit(workspace, "b", "head.name=discriminant", "train.folds=2")
    done = invoke(workspace, "stack", "a", "b", "--method", "opinion-pool")
    assert done.exit_code == 0, done.output
    done = invoke(workspace, "evaluate", "a", "--on", str(workspace))
    assert done.exit_code == 0, done.output


def test_two_classes_of_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(60, 4)), rng.integers(0, 2, 60)
    (found,) = CLASSIFIERS["logistic"].fit(x, labels, 2, [{"C": 0.1}])
    arrays = found.arrays
    scores = log_softmax(x @ arrays["weight"].T + arrays["bias"], axis=1)
    model = LogisticRegression(C=0.1, class_weight="balanced", tol=1e-7, max_iter=5000).fit(
        x, labels
    )
    np.testing.assert_allclose(scores, model.predict_log_proba(x), atol=1e-6)


def test_with_many_columns_the_rows_span_gives_the_same_weights() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(30) % 3
    x = rng.normal(size=(30, 90)) + rng.normal(size=(3, 90))[labels]
    rows, axes = in_their_span(x)
    assert rows.shape == (30, 30)
    np.testing.assert_allclose(rows @ axes, x, atol=1e-12)
    assert in_their_span(x[:, :59])[1] is None
    (found,) = CLASSIFIERS["logistic"].fit(x, labels, 3, [{"C": 0.01}])
    model = LogisticRegression(C=0.01, class_weight="balanced", tol=1e-7, max_iter=5000)
    model.fit(x, labels)
    np.testing.assert_allclose(found.arrays["weight"], model.coef_, atol=1e-6)
    np.testing.assert_allclose(found.arrays["bias"], model.intercept_, atol=1e-6)
    assert found.converged


def test_a_solver_that_did_not_converge_is_reported(workspace, monkeypatch) -> None:
    words = ("fit-head", "--config", "small", "--set", "head.name=logistic")
    done = invoke(workspace, *words, "--name", "whole")
    assert done.exit_code == 0 and "did not converge" not in done.output
    lines = RunDir(workspace / "runs" / "whole").metrics()
    assert all(line["converged"] is True for line in lines)
    monkeypatch.setattr("medusa.heads.convex.classifiers.MOST_STEPS", 3)
    done = invoke(workspace, *words, "--name", "cut")
    assert "cut: the solver did not converge with C 0.0001; C" in done.output
    assert "so the scores may be too low; use fewer features" in done.output
    lines = RunDir(workspace / "runs" / "cut").metrics()
    assert not any(line["converged"] for line in lines) and len(lines) == 10


def test_folds_keep_speakers_whole_and_unknown_ones_alone() -> None:
    speakers = np.array(["a", "b", "a", "", "", "c", "b", "d", "e", "f"])
    folds = speaker_folds(speakers)
    for name in "ab":
        assert len(set(folds[speakers == name])) == 1
    assert set(folds) == {0, 1, 2, 3, 4}
    assert len(set(speaker_folds(np.array(["a", "b", "a"])))) == 2
    with pytest.raises(DataError, match=r"of the speaker 'a'.*head\.name=discriminant"):
        speaker_folds(np.array(["a", "a"]))


def test_a_corpus_without_speakers_is_fitted_with_a_sentence(workspace) -> None:
    place = Workspace.open(workspace)
    manifest = Manifest.read(place.manifest)
    manifest.frame["speaker"] = None
    manifest.write(place.manifest)
    words = ("fit-head", "--config", "small", "--set", "head.name=knn", "--name", "k")
    done = invoke(workspace, *words)
    assert done.exit_code == 0
    assert "without a speaker; each counts as a speaker of its own" in done.output


def test_a_class_of_one_speaker_is_refused(workspace) -> None:
    place = Workspace.open(workspace)
    manifest = Manifest.read(place.manifest)
    frame = manifest.frame
    elsewhere = (frame["label"] == "sad") & (frame["speaker"] != "s0")
    frame.loc[elsewhere, "label"] = "happy"
    manifest.write(place.manifest)
    with pytest.raises(MedusaError, match="all training utterances of 'sad' are in one fold"):
        fit(workspace, "a", "head.name=logistic")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("head.attribute_map=sigmoid", "head.attribute_map: .* set it to linear"),
        ("head.pooling=attention", "head.pooling: .*mean or statistics or functionals"),
        ("head.pooling=positional", "logistic has no use for positional"),
        ("loss.neutral_weight=1", "loss.neutral_weight: .* set it to 0"),
        ("loss.secondary_weight=1", "loss.secondary_weight: .* set it to 0"),
    ],
)
def test_settings_that_it_ignores_are_refused(workspace, setting: str, message: str) -> None:
    config = load("small", ("head.name=logistic", setting))
    with pytest.raises(ConfigError, match=message):
        prepare(Workspace.open(workspace), HeadSpec("a", config))


def test_double_precision_is_on_the_cpu_where_mps_lacks_it() -> None:
    for name, expected in (("svm", "cpu"), ("discriminant", "mps"), ("deepser", "mps")):
        config = load("small", (f"head.name={name}",)).head
        assert device_of(config, torch.device("mps")).type == expected
    assert device_of(config, torch.device("cuda", 1)) == torch.device("cuda", 1)


def test_nothing_is_pickled(fitted_once) -> None:
    _, runs = fitted_once
    for run in runs.values():
        kinds = {path.suffix for path in run.path.iterdir()} - {""}
        assert kinds == {".safetensors", ".yaml", ".json", ".jsonl", ".parquet"}
