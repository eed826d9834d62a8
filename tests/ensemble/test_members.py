"""Runs are joined by id, and refused where they cannot be."""

from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import numpy as np
import pandas as pd
import pytest

from medusa.ensemble.members import join
from medusa.errors import RunError
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.manifest import Manifest
from medusa.scoring.truth import training_prior, truth_of, unpredicted

AddRun = Callable[..., RunDir]


def test_the_order_of_rows_never_matters(add_run: AddRun) -> None:
    straight = join([add_run("a"), add_run("b", seed=1)])
    shuffled = join([add_run("c"), add_run("d", seed=1, shuffle=True)])
    assert straight.ids == shuffled.ids == sorted(straight.ids)
    assert (straight.logits == shuffled.logits).all()
    assert (straight.attributes == shuffled.attributes).all()
    assert (straight.splits == shuffled.splits).all()


def test_other_class_orders_are_refused(add_run: AddRun) -> None:
    a, b = add_run("a"), add_run("b", classes=("happy", "angry", "neutral"))
    with pytest.raises(RunError, match="a has angry, happy, neutral; b has happy, angry"):
        join([a, b])


def test_missing_ids_are_named_with_their_run(add_run: AddRun) -> None:
    a, b = add_run("a", drop=("dev-3",)), add_run("b", drop=("test-1", "test-2"))
    with pytest.raises(RunError) as problem:
        join([a, b])
    assert "a has no prediction for dev-3" in str(problem.value)
    assert "b has no prediction for test-1, test-2" in str(problem.value)


def test_other_splits_are_refused(add_run: AddRun) -> None:
    a, b = add_run("a"), add_run("b")
    said = b.predictions()
    said.frame.loc[said.frame["id"] == "train-0", "split"] = "test"
    said.write(b.path / "predictions.parquet")
    with pytest.raises(RunError, match="train-0: 'test', not 'train'"):
        join([a, b])


def test_runs_of_one_name_are_refused(add_run: AddRun, tmp_path: Path) -> None:
    a = add_run("a")
    elsewhere = RunDir(tmp_path / "other" / "a")
    copytree(a.path, elsewhere.path)
    with pytest.raises(RunError, match=r"of one name: .*runs/a, .*other/a"):
        join([a, add_run("b"), elsewhere])


def test_unfinished_and_no_runs(add_run: AddRun) -> None:
    a = add_run("a")
    (a.path / "finished").unlink()
    with pytest.raises(RunError, match="not finished"):
        join([a])
    with pytest.raises(RunError, match="no runs"):
        join([])


def small_manifest(**columns: object) -> Manifest:
    frame = pd.DataFrame({"id": ["x", "y", "z"], "split": ["train", "train", "test"]} | columns)
    return Manifest(frame, LabelScheme("two", ("sad", "glad")))


def test_truth_is_joined_by_id() -> None:
    manifest = small_manifest(
        label=["glad", None, "sad"],
        p_sad=[0.25, np.nan, np.nan],
        p_glad=[0.75, np.nan, np.nan],
        speaker=["s", None, "t"],
    )
    truth = truth_of(manifest, ["z", "y", "x"], ["test", "train", "train"], ("sad", "glad"))
    assert truth.labels.tolist() == [0, -1, 1]
    assert truth.soft[[0, 2]].tolist() == [[1, 0], [0.25, 0.75]]  # one-hot where there are no votes
    assert np.isnan(truth.soft[1]).all()
    assert truth.blocks == ["t", "?1", "s"]
    assert truth.rows(np.array([True, True, False])).blocks is None  # one speaker is no sample
    assert training_prior(manifest).tolist() == [0, 1]


def test_truth_that_does_not_fit_is_refused() -> None:
    manifest = small_manifest()
    with pytest.raises(RunError, match="does not have w"):
        truth_of(manifest, ["x", "w"], ["train", "train"], ("sad", "glad"))
    with pytest.raises(RunError, match=r"x \(test then, train now\)"):
        truth_of(manifest, ["x"], ["test"], ("sad", "glad"))
    with pytest.raises(RunError, match="the manifest's are sad, glad"):
        truth_of(manifest, ["x"], ["train"], ("glad", "sad"))
    with pytest.raises(RunError, match="no row of split 'train' has a label"):
        training_prior(manifest)


def test_utterances_without_prediction_are_counted() -> None:
    assert unpredicted(small_manifest(), ["x", "z"], "train") == 1
    assert unpredicted(small_manifest(), ["x", "z"], "test") == 0
