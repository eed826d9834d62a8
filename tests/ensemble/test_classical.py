"""Stackers of scikit-learn: what is kept as arrays says what scikit-learn says."""

from dataclasses import replace
from shutil import rmtree

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from medusa.ensemble.choose_members import best
from medusa.ensemble.forest import apply_forest, fit_forest
from medusa.ensemble.members import join
from medusa.ensemble.scikit_learn import (
    apply_map,
    apply_mlp,
    fit_logistic,
    fit_mlp,
    fit_svm,
)
from medusa.ensemble.soup import SOUPS, greedy, soup
from medusa.ensemble.stack_inputs import balanced_rows, inputs_of, train_set_of
from medusa.ensemble.stacker import StackConfig, Training, TrainSet
from medusa.ensemble.stackers import STACKERS
from medusa.ensemble.stacking import stack
from medusa.ensemble.stored_stack import StoredStack
from medusa.errors import MedusaError, RunError
from medusa.heads.runs.run_dir import PREDICTIONS, SUMMARY, WEIGHTS
from medusa.randomness import seed_for
from medusa.scoring.predictions import Predictions
from medusa.scoring.truth import truth_of
from medusa.tests.command_line import call


def made_up_rows(
    classes: int = 4, rows: int = 400, present: tuple[int, ...] = (0, 1, 3)
) -> TrainSet:
    rng = np.random.default_rng(0)
    labels = rng.choice(present, rows, p=[0.6, 0.25, 0.15])
    inputs = rng.normal(size=(rows, 6)) * (1, 5, 1, 0, 1, 1) + np.eye(classes)[labels] @ rng.normal(
        size=(classes, 6)
    )
    soft = np.eye(classes, dtype=np.float32)[labels]
    return TrainSet(inputs, labels, soft, None, np.zeros((0, rows, classes), np.float32))


def test_the_forest_equals_a_direct_script() -> None:
    learnt, new = made_up_rows(), np.random.default_rng(1).normal(size=(50, 6))
    # the script: equal rows of every class, five stratified folds, averaged probabilities
    rows = balanced_rows(learnt.labels)
    assert len(set(np.bincount(learnt.labels[rows])[[0, 1, 3]])) == 1
    x, y = learnt.inputs[rows], learnt.labels[rows]
    said = []
    folds = StratifiedKFold(5, shuffle=True, random_state=seed_for(0, "folds of forests"))
    for number, (part, _) in enumerate(folds.split(x, y)):
        seed = seed_for(0, "forest", number)
        forest = RandomForestClassifier(
            200, max_depth=8, min_samples_leaf=10, min_samples_split=10, random_state=seed
        )
        said.append(forest.fit(x[part], y[part]).predict_proba(new))
    logits = apply_forest(fit_forest(learnt), new)
    np.testing.assert_allclose(np.exp(logits[:, [0, 1, 3]]), np.mean(said, axis=0), atol=1e-12)
    assert (np.exp(logits[:, 2]) < 1e-11).all()


def test_the_trees_of_the_forest_have_a_depth_of_eight() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=2000)  # at random, so that the trees would grow on
    soft = np.eye(2, dtype=np.float32)[labels]
    learnt = TrainSet(rng.normal(size=(2000, 3)), labels, soft, None, soft[None])
    trees = fit_forest(learnt)
    nodes, depth = trees["roots"], 0
    while len(nodes := nodes[trees["left"][nodes] >= 0]):
        nodes = np.concatenate([trees["left"][nodes], trees["right"][nodes]])
        depth += 1
    assert depth == 8


@pytest.mark.parametrize("present", [(0, 1, 3), (0, 1, 1)])  # three classes, two classes
@pytest.mark.parametrize(
    ("fit", "model"),
    [(fit_logistic, LogisticRegression(max_iter=2000)), (fit_svm, LinearSVC(dual=False))],
)
def test_maps_equal_scikit_learn(fit, model, present) -> None:
    learnt, new = made_up_rows(present=present), np.random.default_rng(1).normal(size=(50, 6))
    rows = balanced_rows(learnt.labels)
    scaler = StandardScaler().fit(learnt.inputs[rows])
    model = model.fit(scaler.transform(learnt.inputs[rows]), learnt.labels[rows])
    logits = apply_map(fit(learnt), new)
    expected = model.decision_function(scaler.transform(new))
    if expected.ndim == 1:
        np.testing.assert_allclose(logits[:, 1] - logits[:, 0], expected, atol=1e-9)
    else:
        np.testing.assert_allclose(logits[:, list(model.classes_)], expected, atol=1e-9)
    assert (logits.argmax(1) == model.predict(scaler.transform(new))).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("present", [(0, 1, 3), (0, 1, 1)])  # three classes, two classes
def test_the_network_is_the_mean_of_scikit_learns(present) -> None:
    learnt, new = made_up_rows(present=present), np.random.default_rng(1).normal(size=(20, 6))
    # The inputs have deviations below one, and the first never varies.
    learnt = replace(learnt, inputs=0.1 * learnt.inputs * (0, 1, 1, 1, 1, 1))
    said = []
    for seed in (0, 1):
        rows = balanced_rows(learnt.labels, seed)
        scaler = StandardScaler().fit(learnt.inputs[rows])
        state = seed_for(seed, "network of a stacker")
        model = MLPClassifier(64, alpha=1.0, max_iter=300, tol=1e-3, random_state=state)
        model.fit(scaler.transform(learnt.inputs[rows]), learnt.labels[rows])
        said.append(model.predict_proba(scaler.transform(new)))
    logits = apply_mlp(fit_mlp(learnt, 2), new)
    known = sorted(set(present))
    np.testing.assert_allclose(np.exp(logits)[:, known], np.mean(said, axis=0), atol=1e-9)


@pytest.mark.parametrize("method", ["logreg", "svm", "mlp", "forest"])
def test_a_stack_judges_and_is_applied_again(method, tmp_path, manifest, add_run) -> None:
    members = [add_run("a", 0, 2.0), add_run("b", 1, 2.0), add_run("c", 2, 1.0)]
    from medusa.heads.runs.run_dir import RunDir

    run = RunDir(tmp_path / "runs" / "s")
    assert stack(run, members, manifest, StackConfig(method=method, inputs="logits", seeds=2))
    lines = {line["name"]: line for line in run.read_json(SUMMARY)["comparison"]}
    assert lines[method]["kind"] == "stacker" and 0 < lines[method]["macro_f1"] <= 1
    assert "training" not in run.config() and (run.path / WEIGHTS).exists()
    assert not stack(run, members, manifest, StackConfig(method=method, inputs="logits", seeds=2))
    # the stored arrays, with the members' stored predictions, predict the same
    repeated = StoredStack.read(run).predict({one.name: one.predictions() for one in members})
    np.testing.assert_array_equal(repeated.logits(), run.predictions().logits())


def test_out_of_fold_rows_are_learnt_from(tmp_path, manifest, add_run, combine) -> None:
    from medusa.heads.runs.run_dir import RunDir

    members = [add_run("a", 0, 2.0), add_run("b", 1, 2.0)]
    with pytest.raises(RunError, match="--folds"):
        stack(RunDir(tmp_path / "runs" / "s"), members, manifest, out_of_fold())
    for run in members:
        said = run.predictions()
        inside = said.frame["split"] == "train"
        folds = np.where(inside, said.frame["id"].str[-1].map(ord) % 3, -1)
        Predictions(said.frame.assign(fold=folds), said.classes, said.run).write(
            run.path / PREDICTIONS
        )
    joined = join(members)
    assert (joined.folds >= 0).sum() == 60 and joined.foldless == ""
    run_c = add_run("c", 2)
    with pytest.raises(RunError, match="c predicted nothing out of fold; train all"):
        stack(RunDir(tmp_path / "runs" / "s"), [*members, run_c], manifest, out_of_fold())
    run = RunDir(tmp_path / "runs" / "s")
    stack(run, members, manifest, out_of_fold())
    assert run.config()["trained_on"] == ["train"] and not run.config()["in_sample"]
    # by hand: the training rows in dev's place
    moved = replace(joined, splits=np.where(joined.folds >= 0, "dev", "other"))
    truth = truth_of(manifest, joined.ids, joined.splits.tolist(), joined.classes)
    by_hand = combine(moved, truth, replace(out_of_fold(), fit_on="dev"))
    np.testing.assert_allclose(
        run.predictions().select(joined.ids).logits(), by_hand.logits, atol=1e-5
    )
    # folds that differ between members are none
    said = members[0].predictions()
    other = said.frame["fold"].replace({0: 1, 1: 0})
    Predictions(said.frame.assign(fold=other), said.classes, said.run).write(
        members[0].path / PREDICTIONS
    )
    assert (join(members).folds == -1).all()
    with pytest.raises(RunError, match="b had other folds than a; train all"):
        stack(RunDir(tmp_path / "runs" / "t"), members, manifest, out_of_fold())


def out_of_fold() -> StackConfig:
    return StackConfig("linear", fit_on="out-of-fold", seeds=2, training=Training(epochs=20))


def test_a_greedy_soup_is_never_below_its_best_member() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        states = [{"w": torch.from_numpy(rng.normal(size=5))} for _ in range(6)]
        aim = torch.from_numpy(rng.normal(size=5))

        def score(state, aim=aim):
            return float((state["w"].sign() == aim.sign()).float().mean())

        assert score(greedy(states, score)) >= max(score(state) for state in states)


def test_a_greedy_stack_is_chosen_on_dev(manifest, add_run) -> None:
    from medusa.ensemble.linear import apply_soup, fit_soup
    from medusa.scoring.metrics import macro_f1

    members = join([add_run("a", 0, 1.0), add_run("b", 1, 1.0)])
    truth = truth_of(manifest, members.ids, members.splits.tolist(), members.classes)
    config = StackConfig(
        fit_on="train", in_sample=True, soup="greedy", seeds=5, training=Training(epochs=3)
    )
    fitted = fit_soup(train_set_of(members, truth, config), config)
    answer = apply_soup(fitted.weights, inputs_of(members, config))
    dev = np.flatnonzero((members.splits == "dev") & (truth.labels >= 0))
    rows = dev[balanced_rows(truth.labels[dev])]

    def score(name: str) -> float:
        weight, bias = (fitted.weights[f"{name}.{key}"] for key in ("weight", "bias"))
        logits = (inputs_of(members, config).matrix[rows] @ weight.T + bias)[:, :3]
        return macro_f1(truth.labels[rows], logits.argmax(1), 3)

    per_seed_logits = [score(f"seed_{seed}") for seed in range(5)]
    assert len(set(per_seed_logits)) > 1 and score("soup") >= max(per_seed_logits)
    truth.labels[dev] = (truth.labels[dev] + 1) % 3  # another judge chooses another soup
    again = fit_soup(train_set_of(members, truth, config), config)
    other = apply_soup(again.weights, inputs_of(members, config))
    np.testing.assert_array_equal(other.per_seed_logits, answer.per_seed_logits)
    assert (other.logits != answer.logits).any()


def test_a_forest_needs_two_rows_of_every_class(manifest, add_run) -> None:
    rows = manifest.frame.index[(manifest.frame["split"] == "dev")]
    few = manifest.frame.loc[rows, "label"] == "happy"
    manifest.frame.loc[rows[few][1:], "label"] = None
    members = join([add_run("a"), add_run("b", seed=1)])
    truth = truth_of(manifest, members.ids, members.splits.tolist(), members.classes)
    config = StackConfig(method="forest")
    with pytest.raises(MedusaError, match="a class has one labelled row"):
        STACKERS["forest"].fit(train_set_of(members, truth, config), config)


def test_soups_by_hand() -> None:
    states = [{"w": torch.tensor([value])} for value in (0.0, 4.0, 5.0)]

    def near_five(state):
        return -abs(float(state["w"]) - 5)

    assert SOUPS["uniform"].combine(states, near_five)["w"].item() == 3
    assert SOUPS["none"].combine(states, near_five)["w"].item() == 0
    assert SOUPS["greedy"].combine(states, near_five)["w"].item() == 5  # 4.5 would be worse
    assert soup(states[1:])["w"].item() == 4.5


def test_the_best_on_dev_are_taken(tmp_path, manifest, add_run) -> None:
    runs = [add_run(name) for name in ("a", "b", "c")]
    with pytest.raises(RunError, match="no score on dev"):
        best(runs, 2)
    for run, score in zip(runs, (0.2, 0.9, 0.5), strict=True):
        run.write_json(SUMMARY, {"dev_macro_f1": score})
    assert [run.name for run in best(runs, 2)] == ["b", "c"]
    with pytest.raises(RunError, match="expected 1 to 3"):
        best(runs, 4)
    natural = add_run("n", train={"selection": "natural"})
    natural.write_json(SUMMARY, {"dev_macro_f1": 0.7})
    with pytest.raises(RunError, match=r"not of one kind \(train.selection"):
        best([*runs, natural], 2)
    rmtree(natural.path)
    call(tmp_path, "stack", "--top", "2", "--method", "soft")
    from medusa.heads.runs.run_dir import RunDir

    members = RunDir(tmp_path / "runs" / "stack").config()["members"]
    assert sorted(one["name"] for one in members) == ["b", "c"]


def test_an_input_that_never_changes_has_no_weight_for_two_classes() -> None:
    drawn = made_up_rows(classes=2, present=(0, 1, 1))
    inputs = np.concatenate([drawn.inputs, np.full((len(drawn.labels), 1), 3.0)], 1)
    weights = fit_logistic(replace(drawn, inputs=inputs))
    assert np.isfinite(weights["weight"]).all() and not weights["weight"][:, -1].any()
