"""What a further folder of features has is not extracted again."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from medusa.cache import FeatureStore, open_all
from medusa.tests.command_line import call
from medusa.workspace import Workspace

COUNT = 6


def corpus(root: Path, numbers: range) -> Path:
    """Make a workspace with some of the same recordings."""
    (root / "wav").mkdir(parents=True)
    rows = ["path,speaker,label"]
    for number in numbers:
        wave = np.random.default_rng(number).normal(size=8000 + 800 * number) / 10
        soundfile.write(root / f"wav/{number}.wav", wave, 16_000)
        rows.append(f"wav/{number}.wav,s{number},calm")
    (root / "corpus.csv").write_text("\n".join(rows) + "\n")
    call(root, "manifest", "import", "csv", str(root / "corpus.csv"))
    return root


@pytest.fixture
def roots(tmp_path: Path) -> tuple[Path, Path]:
    """Return a workspace with two of the recordings, and one that reads it, with all."""
    some, every = corpus(tmp_path / "some", range(2)), corpus(tmp_path / "every", range(COUNT))
    (every / "medusa.yaml").write_text("also_features: [../some/features]\n")
    return some, every


def own(root: Path, backbone: str) -> int:
    """Return the number of utterances in the workspace's own store."""
    (path,) = (root / "features").glob(f"{backbone}-*.zarr")
    return len(FeatureStore.open(path))


def test_backbones_compute_what_no_folder_has(roots: tuple[Path, Path]) -> None:
    some, every = roots
    call(some, "extract", "--backbone", "logmel")
    told = call(every, "extract", "--backbone", "logmel,logmel128").stderr
    assert "logmel: 2 of 6 utterances are in" in told and "logmel128: 2" not in told
    assert (own(every, "logmel"), own(every, "logmel128")) == (COUNT - 2, COUNT)
    stores = open_all(*Workspace.open(every).feature_folders)
    assert {one.spec.backbone: len(one) for one in stores} == {"logmel": COUNT, "logmel128": COUNT}
    call(every, "extract", "--backbone", "logmel", "--force")
    assert own(every, "logmel") == COUNT


def test_a_part_of_int8_features_is_not_used(roots: tuple[Path, Path]) -> None:
    some, every = roots
    words = ("extract", "--backbone", "logmel", "--set", "dtype=int8")
    call(some, *words)
    told = call(every, *words).stderr
    assert "has not all utterances, and the scales of int8 stores differ" in told
    assert own(every, "logmel") == COUNT
    (store,) = open_all(*Workspace.open(every).feature_folders)
    assert len(store) == COUNT and store.places == (store.path,)


def test_int8_features_that_are_whole_elsewhere_are_used(roots: tuple[Path, Path]) -> None:
    some, every = roots
    words = ("extract", "--backbone", "logmel", "--set", "dtype=int8")
    (some / "medusa.yaml").write_text("also_features: [../every/features]\n")
    (every / "medusa.yaml").unlink()
    call(every, *words)
    assert "2 of 2 utterances are in" in call(some, *words).stderr
    assert own(some, "logmel") == 0
    (store,) = open_all(*Workspace.open(some).feature_folders)
    assert len(store) == COUNT
