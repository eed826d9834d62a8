"""A made-up workspace: a manifest and runs whose predictions are worse or better guesses."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medusa.ensemble.members import Members
from medusa.ensemble.stack_inputs import inputs_of, train_set_of
from medusa.ensemble.stacker import StackConfig, StackOutput
from medusa.ensemble.stackers import stacker_of
from medusa.heads.runs.run_dir import FINISHED, PREDICTIONS, SUMMARY, RunDir
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.manifest import Manifest
from medusa.scoring.predictions import Predictions
from medusa.scoring.truth import Truth

CLASSES = ("angry", "happy", "neutral")
SIZES = {"train": 60, "dev": 45, "test": 30}

AddRun = Callable[..., RunDir]
Combine = Callable[[Members, Truth, StackConfig], StackOutput]


@pytest.fixture
def combine() -> Combine:
    """Return a function that fits a stacker and predicts all utterances of the members."""

    def fit_and_predict(members: Members, truth: Truth, config: StackConfig) -> StackOutput:
        stacker = stacker_of(config)
        fitted = stacker.fit(train_set_of(members, truth, config), config)
        return stacker.predict(fitted.weights, inputs_of(members, config))

    return fit_and_predict


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """135 utterances of nine speakers; one without consensus in every split."""
    rng = np.random.default_rng(0)
    rows = []
    for split, size in SIZES.items():
        for number in range(size):
            label = CLASSES[number % 3] if number else None
            soft = np.full(3, 0.1) + 0.7 * (np.array(CLASSES) == label)
            votes = dict(zip((f"p_{name}" for name in CLASSES), soft / soft.sum(), strict=True))
            moods = dict(
                zip(("arousal", "valence", "dominance"), rng.uniform(1, 7, 3), strict=True)
            )
            speaker = f"{split}{number // 15}"
            row = {"id": f"{split}-{number}", "split": split, "speaker": speaker, "label": label}
            rows.append(row | votes | moods)
    made = Manifest(pd.DataFrame(rows), LabelScheme("made-up", CLASSES))
    made.write(tmp_path / "manifest.parquet")
    return made


@pytest.fixture
def add_run(tmp_path: Path, manifest: Manifest) -> AddRun:
    """Return a function that writes a finished head which is right in some share of cases."""

    def add(
        name: str,
        seed: int = 0,
        strength: float = 1.0,
        shuffle: bool = False,
        classes: tuple[str, ...] = CLASSES,
        drop: tuple[str, ...] = (),
        **config: object,
    ) -> RunDir:
        rng = np.random.default_rng(seed)
        frame = manifest.frame
        right = frame["label"].map({label: n for n, label in enumerate(CLASSES)}).to_numpy()
        logits = rng.normal(size=(len(frame), 3)) + strength * (right[:, None] == np.arange(3))
        moods = frame[["arousal", "valence", "dominance"]].to_numpy() + rng.normal(size=(135, 3))
        rows = np.flatnonzero(~frame["id"].isin(drop))
        rows = rng.permutation(rows) if shuffle else rows
        run = RunDir(tmp_path / "runs" / name)
        run.start({"kind": "head", "train_split": "train", "seed": seed} | config)
        said = Predictions.of(
            frame["id"].to_numpy()[rows].tolist(),
            frame["split"].to_numpy()[rows].tolist(),
            logits[rows],
            moods[rows],
            classes,
            run.digest(),
        )
        said.write(run.path / PREDICTIONS)
        run.write_json(SUMMARY, {"notes": ["made up"]})
        (run.path / FINISHED).write_text("")  # Tests change such runs: they have no checksums.
        return run

    return add
