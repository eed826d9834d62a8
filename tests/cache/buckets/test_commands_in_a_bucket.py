"""Every command that reads or writes features works on a bucket as on the disk."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

import medusa
from medusa.cache import FeatureStore, open_all
from medusa.cache.verify import verify
from medusa.manifests import Manifest
from medusa.scoring import Predictions
from medusa.tests.command_line import call

COUNT, SPEAKERS = 24, 6
KILLS = 5 if os.environ.get("MEDUSA_LONG_TESTS") else 1
LONG = pytest.mark.skipif(
    "MEDUSA_LONG_TESTS" not in os.environ, reason="MEDUSA_LONG_TESTS starts two extractions"
)
EXTRACT = ("extract", "--backbone", "logmel")
RECIPE = """
title: A head on spectra
source: nobody's publication
config: small
features: {logmel: {}}
heads:
  one: {features: [logmel], set: {head.name: discriminant}}
stacks:
  vote: {method: soft}
main: vote
"""
HEAD = ("fit-head", "--config", "small", "--set", "head.name=discriminant", "--device", "cpu")


@pytest.fixture
def roots(tmp_path: Path, bucket: str) -> tuple[Path, Path]:
    """Return a workspace with features on the disk, and one with features in a bucket."""
    rng, rows = np.random.default_rng(0), ["path,speaker,label"]
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "wav").mkdir(parents=True)
    for number in range(COUNT):
        tone = np.sin(np.arange(8000 + 40 * number) * (0.05 + 0.1 * (number % 2)))
        wave = tone + 0.1 * rng.normal(size=len(tone))
        soundfile.write(here / "wav" / f"u{number}.wav", 0.5 * wave, 16_000)
        rows.append(f"wav/u{number}.wav,s{number // 2 % SPEAKERS},{('calm', 'angry')[number % 2]}")
    (here / "corpus.csv").write_text("\n".join(rows) + "\n")
    call(here, "manifest", "import", "csv", str(here / "corpus.csv"))
    call(here, "manifest", "split", "random")
    shutil.copy(here / "manifest.parquet", tmp_path / "all.parquet")
    shutil.copytree(here, there)
    (there / "medusa.yaml").write_text(f"features: {bucket}/features\n")
    return here, there


def logmel(root: Path) -> FeatureStore:
    (store,) = open_all(medusa.Workspace.open(root).features)
    return store


def test_the_commands_work_on_a_bucket(roots: tuple[Path, Path], bucket: str) -> None:
    there = roots[1]
    for root in roots:
        call(root, *EXTRACT)
        call(root, *HEAD, "--name", "h")
    local, remote = map(logmel, roots)
    assert str(remote.path).startswith(bucket) and not (there / "features").exists()
    names = sorted(local.index.rows)
    assert sorted(remote.index.rows) == names and len(names) == COUNT
    assert np.array_equal(remote.read(names).values.numpy(), local.read(names).values.numpy())
    first, second = (Predictions.read(root / "runs/h/predictions.parquet") for root in roots)
    assert np.array_equal(first.logits(), second.select(first.ids).logits())
    call(there, "cache", "verify")
    (there / "toy.yaml").write_text(RECIPE)
    call(there, "run", str(there / "toy.yaml"))
    assert "up to date" in call(there, "run", str(there / "toy.yaml")).stderr
    assert "reads" in call(there, "doctor").stdout and not list(remote.path.parent.glob(".*"))
    call(there, "verify")
    joined = f"{bucket}/joined.zarr"
    call(there, "cache", "merge", "logmel", str(local.path), "--into", joined)
    assert sorted(FeatureStore.open(joined).index.rows) == names
    few = Manifest.read(there / "manifest.parquet").split("train")
    few.write(there / "manifest.parquet")
    call(there, "cache", "gc")
    assert sorted(logmel(there).index.rows) == sorted(few.frame["content"])
    call(there, "cache", "verify")


def test_a_killed_extraction_into_a_bucket_continues(roots: tuple[Path, Path]) -> None:
    here, there = roots
    call(here, *EXTRACT)
    command = [sys.executable, "-m", "medusa.cli", "--workspace", str(there), *EXTRACT]
    features, rng = medusa.Workspace.open(there).features, np.random.default_rng(0)
    for _ in range(KILLS):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while process.poll() is None and not list(features.glob("*/spec.json")):
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert [problem for store in open_all(features) for problem in verify(store.path)] == []
    call(there, *EXTRACT)
    local, remote = map(logmel, roots)
    names = sorted(local.index.rows)
    assert np.array_equal(remote.read(names).values.numpy(), local.read(names).values.numpy())
    assert json.loads(call(there, *EXTRACT, "--json").stdout)[0]["seconds"] == 0


@pytest.mark.parametrize("shares", [("0/2", "1/2"), ("0/1", "0/1")])
@LONG
def test_two_extractions_at_once_list_every_utterance_one_time(
    roots: tuple[Path, Path], shares: tuple[str, str]
) -> None:
    here, there = roots
    call(here, *EXTRACT)
    start = [sys.executable, "-m", "medusa.cli", "--workspace", str(there), *EXTRACT, "--shard"]
    processes = [subprocess.Popen([*start, share]) for share in shares]
    assert [process.wait() for process in processes] == [0, 0]
    local, remote = map(logmel, roots)
    names = sorted(local.index.rows)
    assert sorted(remote.index.rows) == names and len(remote) == COUNT
    assert len(remote.index.shard) == COUNT or shares[0] == shares[1]
    assert np.array_equal(remote.read(names).values.numpy(), local.read(names).values.numpy())
    assert verify(remote.path) == []


def keep_speakers(root: Path, *numbers: int) -> None:
    """Keep the utterances of some speakers in the manifest of a workspace."""
    manifest = Manifest.read(root / "manifest.parquet")
    kept = manifest.frame["speaker"].isin([f"s{number}" for number in numbers])
    manifest.where(kept).write(root / "manifest.parquet")


def test_a_recipe_reads_the_features_of_two_workspaces(
    roots: tuple[Path, Path], bucket: str, tmp_path: Path
) -> None:
    """One has them on the disk and the other in a bucket; what both lack is extracted here."""
    both, whole = tmp_path / "both", tmp_path / "whole"
    for root, own in zip(roots, [(0, 1, 4), (2, 3, 5)], strict=True):
        keep_speakers(root, *own[:2])
        call(root, *EXTRACT)
        shutil.copy(tmp_path / "all.parquet", root / "manifest.parquet")
        keep_speakers(root, *own)
    parts = ("a=" + str(roots[0] / "manifest.parquet"), "b=" + str(roots[1] / "manifest.parquet"))
    folders = ["../here/features", f"{bucket}/features"]
    for root in (both, whole):
        root.mkdir()
        call(root, "manifest", "merge", *parts)
        (root / "toy.yaml").write_text(RECIPE)
        if root == both:
            (root / "medusa.yaml").write_text(json.dumps({"also_features": folders}))
        told = call(root, "run", str(root / "toy.yaml")).stderr
        assert ("16 of 24 utterances are in" in told) == (root == both)
    stores = [logmel(root) for root in (both, whole)]
    assert [len(one) for one in stores] == [8, COUNT]
    found = [medusa.Workspace.open(root) for root in (both, whole)]
    runs = [next(iter(one.runs.glob("toy.vote*"))) for one in found]
    first, second = (Predictions.read(run / "predictions.parquet") for run in runs)
    assert first.ids == second.ids and np.array_equal(first.logits(), second.logits())
    assert "up to date" in call(both, "run", str(both / "toy.yaml")).stderr
    assert "nothing to do" in call(both, *EXTRACT).stderr
