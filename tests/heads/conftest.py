"""A tiny workspace: two modalities, each telling half of the class."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medusa.cache import FeatureSpec, StoreWriter
from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.texts import content_of

CLASSES = ("angry", "happy", "sad")
SPLITS = ["train"] * 4 + ["dev", "test"]


def make_workspace(root: Path, count: int = 60, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    soft = np.eye(3)[labels] * 0.8 + 0.2 / 3
    frame = pd.DataFrame({"id": [f"u{i}" for i in range(count)]})
    frame["content"] = [f"audio{i}" for i in range(count)]
    frame["text"] = [f"text {i}" for i in range(count)]
    frame["speaker"] = [f"s{i % 6}" for i in range(count)]
    frame["split"] = [SPLITS[i % 6] for i in range(count)]
    frame["label"] = [CLASSES[label] for label in labels]
    frame[["p_angry", "p_happy", "p_sad"]] = soft
    frame[["arousal", "valence", "dominance"]] = rng.uniform(1, 7, (count, 3))
    frame.loc[::10, "arousal"] = np.nan
    frame.loc[6, "label"] = None  # no consensus, soft label kept
    Manifest(frame, LabelScheme("toy", CLASSES)).write(root / "manifest.parquet")
    loud, happy = (labels == 0) * 2.0, (labels == 1) * 2.0
    write_store(root, "toy-audio", "audio", frame["content"], loud, rng)
    write_store(root, "toy-text", "text", [content_of(text) for text in frame["text"]], happy, rng)
    return root


def write_store(root: Path, name: str, kind: str, contents, signal, rng, width: int = 6) -> None:
    shift = 0.02 if kind == "audio" else None
    spec = FeatureSpec(
        name, "toy", "local", "1", kind, (1,), "none", "float32", width, shift, preprocessing={}
    )
    with StoreWriter(root / "features" / spec.folder, spec) as writer:
        for content, shifted in zip(contents, signal, strict=True):
            values = rng.normal(size=(1, rng.integers(1, 30), width)) + shifted
            writer.append(content, values.astype(np.float32))


@pytest.fixture
def workspace(tmp_path) -> Path:
    return make_workspace(tmp_path)
