"""A made-up workspace with two heads and a stack of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medusa.ensemble.stacker import StackConfig, Training
from medusa.ensemble.stacking import stack
from medusa.heads.runs.run_dir import PREDICTIONS, SUMMARY, RunDir
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.manifest import Manifest
from medusa.scoring.predictions import Predictions

CLASSES = ("angry", "happy", "neutral", "fear")
MOODS = ["arousal", "valence", "dominance"]


def made_up_manifest() -> Manifest:
    """40 train, 30 dev and 30 test utterances; nobody is afraid in test; some have no consensus."""
    rng = np.random.default_rng(0)
    rows = []
    for split, size, known in (("train", 40, 4), ("dev", 30, 4), ("test", 30, 3)):
        for number in range(size):
            label = CLASSES[rng.integers(known)] if number % 10 else None
            moods = rng.uniform(1, 7, 3) if number % 7 else np.full(3, np.nan)
            row = {"id": f"{split}-{number}", "split": split, "speaker": f"{split}{number // 3}"}
            rows.append(row | {"label": label} | dict(zip(MOODS, moods, strict=True)))
    return Manifest(pd.DataFrame(rows), LabelScheme("made-up", CLASSES))


def made_up_head(path: Path, manifest: Manifest, seed: int) -> RunDir:
    """A finished head with predictions in shuffled order and a short training log."""
    rng = np.random.default_rng(seed)
    frame = manifest.frame.sample(frac=1, random_state=seed)
    run = RunDir(path)
    run.start({"kind": "head", "train_split": "train", "seed": seed})
    truth = frame["label"].to_numpy()[:, None] == np.array(CLASSES)
    logits = rng.normal(size=(len(frame), 4)) + 1.5 * truth
    moods = frame[MOODS].fillna(4).to_numpy() + rng.normal(size=(len(frame), 3))
    said = Predictions.of(
        frame["id"].tolist(), frame["split"].tolist(), logits, moods, CLASSES, run.digest()
    )
    said.write(run.path / PREDICTIONS)
    for epoch in range(1, 6):
        stage = "full" if epoch < 4 else "balanced"
        run.log(epoch=epoch, stage=stage, train_loss=3 / epoch, dev_macro_f1=0.1 * epoch)
    run.write_json(SUMMARY, {"notes": ["stand-ins <all> of them"]})
    run.finish()
    return run


@pytest.fixture(scope="session")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with runs a, b and s; tests only read it."""
    root = tmp_path_factory.mktemp("workspace")
    manifest = made_up_manifest()
    manifest.write(root / "manifest.parquet")
    heads = [made_up_head(root / "runs" / name, manifest, n) for n, name in enumerate("ab")]
    config = StackConfig("linear", seeds=2, training=Training(epochs=10))
    stack(RunDir(root / "runs" / "s"), heads, manifest, config)
    return root
