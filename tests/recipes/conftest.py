"""The workspace of the toy recipe."""

from pathlib import Path

import numpy as np
import pytest

from medusa.manifests import LabelScheme, Manifest
from medusa.tests.recipes.toy_recipe import CLASSES, RECIPE, rows_of, splits_of, write_store


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two modalities, each telling half of the class; and a recipe about them."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 84)
    frame = rows_of(labels, CLASSES, 12)
    frame["split"] = splits_of(len(frame))
    frame[["arousal", "valence", "dominance"]] = rng.uniform(1, 7, (len(frame), 3))
    Manifest(frame, LabelScheme("toy", CLASSES)).write(tmp_path / "manifest.parquet")
    for name, told in (("loud", 0), ("glad", 1)):
        write_store(
            tmp_path,
            name,
            frame["content"],
            lambda number, told=told: (
                rng.normal(size=(1, rng.integers(1, 9), 6)) + 2 * (labels[number] == told)
            ),
        )
    (tmp_path / "toy.yaml").write_text(RECIPE)
    return tmp_path
