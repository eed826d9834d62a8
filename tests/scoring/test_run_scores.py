"""Scores of several runs: by hand, by block, the same resamples for all."""

import numpy as np
import pandas as pd
import pytest

from medusa.errors import RunError
from medusa.heads.runs.run_dir import PREDICTIONS, RunDir
from medusa.manifests import LabelScheme, Manifest
from medusa.scoring import resampling as bootstrap
from medusa.scoring.metrics import balanced_macro_f1_of, macro_f1_of
from medusa.scoring.predictions import Predictions
from medusa.scoring.run_scores import score_runs

CLASSES = ("a", "b", "c")


def stored(runs):
    return [(run.name, run.predictions()) for run in runs]


def labelled_classes(run):
    """The predicted classes of the labelled rows: all but the first."""
    predictions = run.predictions().select([f"u{row}" for row in range(1, 90)])
    return predictions.logits().argmax(1)


def made(root, speakers: int):
    """A manifest of 90 test rows and two runs that are right in some of them."""
    rng = np.random.default_rng(0)
    truth = rng.choice(3, 90, p=[0.6, 0.3, 0.1])
    frame = pd.DataFrame({"id": [f"u{row}" for row in range(90)], "split": "test"})
    frame["speaker"] = [f"s{row % speakers}" for row in range(90)]
    frame["label"] = [CLASSES[label] for label in truth]
    frame.loc[0, "label"] = None
    manifest = Manifest(frame, LabelScheme("abc", CLASSES))
    runs = []
    for name, strength in (("one", 2.0), ("two", 0.5)):
        run = RunDir(root / name)
        run.start({"kind": "head", "name": name})
        logits = rng.normal(size=(90, 3)) + strength * np.eye(3)[truth]
        rows = rng.permutation(90)
        predictions = Predictions.of(
            frame["id"].to_numpy()[rows].tolist(), ["test"] * 90, logits[rows], None, CLASSES, name
        )
        predictions.write(run.path / PREDICTIONS)
        run.finish()
        runs.append(run)
    return manifest, runs, truth


def test_balanced_macro_f1_is_that_of_repeated_rows():
    # class a twice, b once, c four times: repeat rows until all are alike
    matrix = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 3]])
    even = matrix * np.array([[2], [4], [1]])
    assert balanced_macro_f1_of(matrix) == pytest.approx(float(macro_f1_of(even)))
    assert balanced_macro_f1_of(np.eye(3)) == 1


def test_scores_are_joined_by_id(tmp_path):
    manifest, runs, truth = made(tmp_path, 15)
    judged = score_runs(stored(runs), manifest)
    assert judged.split == "test" and judged.utterances == 89
    predicted = labelled_classes(runs[0])
    assert judged.scores("one")["accuracy"] == pytest.approx((predicted == truth[1:]).mean())
    assert judged.scores("one")["balanced"] > judged.scores("two")["balanced"]


def test_ids_are_read_once_a_run_not_once_a_row(tmp_path, monkeypatch):
    """Reading them takes as long as there are rows."""
    manifest, runs, _ = made(tmp_path, 15)
    reads = []
    read = Predictions.ids.fget
    monkeypatch.setattr(Predictions, "ids", property(lambda table: reads.append(1) or read(table)))
    score_runs(stored(runs), manifest)
    assert 0 < len(reads) < 90


@pytest.mark.parametrize("speakers", [15, 4])
def test_intervals_are_those_of_the_bootstrap_and_pairs_share_resamples(tmp_path, speakers):
    manifest, runs, truth = made(tmp_path, speakers)
    judged = score_runs(stored(runs), manifest)
    predicted = labelled_classes(runs[0])
    blocks = [f"s{row % speakers}" for row in range(1, 90)]
    totals = bootstrap.resampled_confusions(truth[1:], predicted, 3, blocks, draws=2000)
    expected = np.std(macro_f1_of(totals))
    assert np.std(judged.resampled("one", "macro_f1")) == pytest.approx(expected, rel=0.12)
    one, two = (judged.resampled(name, "accuracy") for name in ("one", "two"))
    assert np.corrcoef(one, two)[0, 1] != 0 and (one == judged.resampled("one", "accuracy")).all()
    rows = judged.weights.sum(1)
    assert (rows == rows[0]).all() if speakers == 15 else np.allclose(rows.mean(), 89, rtol=0.05)


def test_runs_about_other_utterances_are_refused(tmp_path):
    manifest, runs, _ = made(tmp_path, 15)
    predictions = runs[1].predictions()
    Predictions(
        predictions.frame.iloc[:50].reset_index(drop=True), predictions.classes, predictions.run
    ).write(runs[1].path / PREDICTIONS)
    runs[1].finish()
    with pytest.raises(RunError, match="two: expected predictions of the same utterances of test"):
        score_runs(stored(runs), manifest)
    with pytest.raises(RunError, match="medusa run"):
        score_runs([], manifest)
