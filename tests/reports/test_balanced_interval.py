"""The interval of the balanced score where it is known: every speaker is like every other."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medusa.heads.runs.run_dir import PREDICTIONS, SUMMARY, RunDir
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.manifest import Manifest
from medusa.reports.judged_run import judge_run
from medusa.scoring.predictions import Predictions
from medusa.scoring.scores import class_scores
from medusa.scoring.truth import Truth

CLASSES = ("glad", "sad")
SPEAKERS = 10  # as many as are drawn whole
LABELS = ["glad", "glad", "glad", "sad"]  # of every speaker
PREDICTED = ["glad", "glad", "sad", "sad"]


def test_where_no_resample_differs_the_interval_is_the_score_itself(tmp_path: Path) -> None:
    frame = pd.DataFrame({"label": LABELS * SPEAKERS, "split": "test"})
    frame["speaker"] = np.repeat([f"s{number}" for number in range(SPEAKERS)], len(LABELS))
    frame["id"] = [f"u{number}" for number in range(len(frame))]
    learnt = [{"id": "t0", "split": "train", "label": name, "speaker": "t"} for name in CLASSES]
    learnt[1]["id"] = "t1"
    run = RunDir(tmp_path / "alike")
    run.start({"kind": "head"})
    logits = np.eye(2)[[CLASSES.index(name) for name in PREDICTED * SPEAKERS]]
    Predictions.of(
        frame["id"].tolist(), frame["split"].tolist(), logits, None, CLASSES, run.digest()
    ).write(run.path / PREDICTIONS)
    run.write_json(SUMMARY, {})
    run.finish()
    manifest = Manifest(pd.concat([pd.DataFrame(learnt), frame]), LabelScheme("two", CLASSES))
    result = judge_run(run, manifest)

    # Large draws of as many glad as sad: of 3 glad 2 are recognised, of 3 sad all. Draws of 10 and
    # 10 differ from that by chance, and on average, too, since F1 is no linear function.
    large = (2 * 2 / (2 * 2 + 1) + 2 * 3 / (2 * 3 + 1)) / 2
    assert result["balanced"] == pytest.approx(large, abs=0.03)
    assert abs(result["balanced"] - large) > 1e-4
    assert set(result["interval"]) == {"macro_f1", "accuracy", "uar", "balanced"}
    for name, ends in result["interval"].items():
        assert ends == pytest.approx([result[name]] * 2, abs=1e-12), name


def test_no_interval_leaves_0_to_1() -> None:
    rng = np.random.default_rng(0)
    for seed in range(12):
        labels = np.r_[np.zeros(6, int), np.ones(3, int), rng.integers(0, 3, 4)]
        wrong = (labels + (rng.random(len(labels)) < 0.9)) % 3
        speakers: list[str | None] = [f"s{row % 4}" for row in range(len(labels))]
        soft, moods = np.eye(3, dtype=np.float32)[labels], np.full((len(labels), 3), np.nan)
        truth = Truth(labels, soft, moods.astype(np.float32), speakers)
        found = class_scores(truth, wrong, np.ones(3), ("a", "b", "c"))
        ends = np.array(list(found["interval"].values()))
        assert (ends >= 0).all() and (ends <= 1).all(), seed
