"""`medusa evaluate` against scikit-learn and hand-made joins."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
    recall_score,
)

from medusa.errors import MedusaError, RunError
from medusa.heads.runs.run_dir import PREDICTIONS, SUMMARY, RunDir
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.manifest import Manifest
from medusa.reports.judged_run import judge_run
from medusa.scoring import metrics
from medusa.scoring.predictions import Predictions
from medusa.scoring.scores import class_interval
from medusa.tests.command_line import call


@pytest.fixture(scope="module")
def judged(made_up: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(call(made_up, "evaluate", "a", "--json").stdout)
    return loaded


@pytest.fixture(scope="module")
def pairs(made_up: Path) -> pd.DataFrame:
    """Truth and answer of the test split, joined by pandas."""
    frame = RunDir(made_up / "runs" / "a").predictions().frame
    logits = [name for name in frame if name.startswith("logit_")]
    answer = frame[logits].idxmax(axis=1).str.removeprefix("logit_")
    said = frame[["id", "arousal"]].assign(answer=answer)
    truth = Manifest.read(made_up / "manifest.parquet").frame
    return truth[truth["split"] == "test"].merge(said, on="id", suffixes=("", "_said"))


def test_class_metrics_equal_sklearn(judged: dict[str, Any], pairs: pd.DataFrame) -> None:
    known = pairs.dropna(subset="label")
    truth, answer = known["label"], known["answer"]
    present = ["angry", "happy", "neutral"]
    options = {"labels": present, "average": "macro", "zero_division": 0}
    assert judged["macro_f1"] == pytest.approx(f1_score(truth, answer, **options))
    assert judged["accuracy"] == pytest.approx(accuracy_score(truth, answer))
    assert judged["accuracy"] == pytest.approx(f1_score(truth, answer, average="micro"))
    recall = recall_score(truth, answer, **options)  # balanced accuracy would warn about fear
    assert judged["uar"] == pytest.approx(recall)
    expected = confusion_matrix(truth, answer, labels=judged["classes"])
    assert judged["confusion"] == expected.tolist()
    scores = precision_recall_fscore_support(
        truth, answer, labels=judged["classes"], zero_division=0
    )
    for row, name in enumerate(judged["classes"]):
        mine = judged["per_class"][name]
        ours = [mine[key] for key in ("precision", "recall", "f1", "support")]
        assert ours == pytest.approx([column[row] for column in scores])


def test_rows_without_consensus_are_counted(judged: dict[str, Any]) -> None:
    assert judged["n"] == 27 and judged["unlabelled"] == 3
    assert judged["unpredicted"] == 0
    assert judged["blocks"] == 10


def test_attributes_are_judged_where_known(judged: dict[str, Any], pairs: pd.DataFrame) -> None:
    known = pairs.dropna(subset="arousal")
    x, y = known["arousal"].to_numpy(), known["arousal_said"].to_numpy()
    mine = judged["attributes"]["arousal"]
    assert mine["n"] == len(known) == 25
    assert mine["mse"] == pytest.approx(((x - y) ** 2).mean(), rel=1e-5)
    bottom = x.var() + y.var() + (x.mean() - y.mean()) ** 2
    assert mine["ccc"] == pytest.approx(2 * np.cov(x, y, ddof=0)[0, 1] / bottom, rel=1e-5)
    for key in ("ccc", "mse"):
        assert mine["interval"][key][0] < mine[key] < mine["interval"][key][1]


@pytest.mark.parametrize(("support", "shown"), [(4, "too few"), (5, "0.250 – 0.500")])
def test_a_class_with_few_utterances_has_no_interval(support: int, shown: str) -> None:
    assert class_interval({"support": support, "interval": [0.25, 0.5]}) == shown


def test_chance_majority_and_intervals(judged: dict[str, Any], made_up: Path) -> None:
    frame = Manifest.read(made_up / "manifest.parquet").frame
    train = frame.loc[frame["split"] == "train", "label"]
    labels = train.value_counts().reindex(judged["classes"])
    most = labels.idxmax()  # the first of equals
    assert judged["majority_class"] == most
    prior, truth = labels / labels.sum(), frame.loc[frame["split"] == "test", "label"].dropna()
    shares = truth.value_counts() / len(truth)
    f1 = [2 * prior[name] * q / (prior[name] + q) for name, q in shares.items()]
    assert judged["chance"] == pytest.approx(np.mean(f1))
    always = f1_score(
        truth, [most] * len(truth), labels=shares.index, average="macro", zero_division=0
    )
    assert judged["majority"] == pytest.approx(always)
    assert judged["baselines"]["macro_f1"]["chance"] == judged["chance"]
    for name, (low, high) in judged["interval"].items():
        assert low < judged[name] < high


def test_the_split_that_chose_the_weights_is_named(made_up: Path) -> None:
    result = call(made_up, "evaluate", "a", "--split", "dev")
    assert "'dev' has chosen the weights; the numbers are somewhat too good" in result.stderr
    assert "has chosen" not in call(made_up, "evaluate", "a").stderr
    assert "has chosen" not in call(made_up, "evaluate", "s", "--split", "dev").stderr  # learnt


def test_balanced_score_equals_a_balanced_matrix() -> None:
    # twice the utterances of one class change nothing
    matrix = np.array([[3, 1], [2, 2]])
    expected = metrics.macro_f1_of(matrix)
    assert metrics.balanced_macro_f1_of(matrix * [[2], [1]]) == pytest.approx(expected)


def test_notes_say_what_matters(judged: dict[str, Any], made_up: Path) -> None:
    assert judged["notes"] == [
        "stand-ins <all> of them",
        "'test' has no fear: averages are over the other 3 classes.",
    ]
    result = call(made_up, "evaluate", "s", "--split", "dev")
    assert "note: This run has learnt from 'dev'" in result.stderr
    assert "3 utterances without a consensus label are left out" in result.stderr
    assert "macro-F1" in result.stdout and "chance" in result.stdout and "arousal" in result.stdout


def test_refusals(made_up: Path) -> None:
    run, manifest = RunDir(made_up / "runs" / "a"), Manifest.read(made_up / "manifest.parquet")
    with pytest.raises(RunError, match=r"no split 'final', only .*--split"):
        judge_run(run, manifest, "final")
    manifest.frame.loc[manifest.frame["split"] == "test", "label"] = None
    with pytest.raises(RunError, match="no row of split 'test' has a label"):
        judge_run(run, manifest)
    with pytest.raises(MedusaError, match=r"no run 'z'.*there is a, b, s"):
        call(made_up, "evaluate", "z")


def test_damaged_predictions_name_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    path.write_text("junk")
    with pytest.raises(RunError, match=r"predictions\.parquet: .*again with --force"):
        Predictions.read(path)


def tiny(tmp_path: Path, speakers: list[str | None], predicted: int = 4) -> dict[str, Any]:
    """Four test utterances, of which the first are predicted, all right, without attributes."""
    names = ["t", "u", "v", "w"]
    frame = {
        "id": ["x", *names],
        "split": ["train"] + ["test"] * 4,
        "label": ["sad", "sad", "glad", "sad", "glad"],
        "speaker": ["a", *speakers],
    }
    scheme = LabelScheme("two", ("sad", "glad"))
    run = RunDir(tmp_path / "tiny")
    run.start({"kind": "head"})
    logits = np.eye(2)[[0, 1, 0, 1]][:predicted]
    splits = ["test"] * predicted
    said = Predictions.of(names[:predicted], splits, logits, None, scheme.classes, run.digest())
    said.write(run.path / PREDICTIONS)
    run.write_json(SUMMARY, {})
    run.finish()
    return judge_run(run, Manifest(pd.DataFrame(frame), scheme))


def test_unknown_speakers_mean_utterances_are_drawn(tmp_path: Path) -> None:
    result = tiny(tmp_path, [None, None, None, None])
    assert result["blocks"] is None
    assert "Intervals resample utterances" in result["notes"][-1]
    assert result["attributes"] == {}
    assert result["macro_f1"] == 1 and result["interval"]["accuracy"] == [1, 1]


def test_few_speakers_are_named(tmp_path: Path) -> None:
    result = tiny(tmp_path, ["a", "a", "b", None])
    assert result["blocks"] == 3
    assert result["notes"][-1] == (
        "There are only 3 speakers and 4 utterances in 'test', so the intervals are rough; "
        "`medusa cross-validate` judges every utterance."
    )


def test_missing_predictions_are_counted(tmp_path: Path) -> None:
    result = tiny(tmp_path, ["a", "b", "c", "d"], predicted=3)
    assert result["unpredicted"] == 1 and result["n"] == 3
    assert any("1 utterances of 'test' have no prediction" in note for note in result["notes"])
