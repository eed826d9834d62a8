"""Commands on a Ray cluster of this machine give the results of one process."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from medusa.errors import ConfigError
from medusa.recipes.state import State
from medusa.scoring import Predictions
from medusa.tests.command_line import invoke
from medusa.workspace import Workspace

LONG = pytest.mark.skipif(
    "MEDUSA_LONG_TESTS" not in os.environ, reason="MEDUSA_LONG_TESTS starts a Ray cluster"
)
RECIPE, RUN = "small-corpus-text", "predictions.parquet"
ON_RAY = ("--set", "on=ray", "--set", "workers=2")


def command(root: Path, *words: str) -> str:
    variables = os.environ | {"OMP_NUM_THREADS": "1", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "medusa.cli", "--workspace", str(root), *words],
        env=variables,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace in which one process has run a recipe."""
    root = tmp_path_factory.mktemp("alone")
    command(root, "run", RECIPE, "--tiny", "--device", "cpu")
    return root


def posteriors(root: Path, run: str) -> pd.DataFrame:
    found = Predictions.read(root / "runs" / run / RUN)
    return pd.DataFrame(found.posteriors(), index=found.ids).sort_index()


def assert_same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_exact=False, rtol=0, atol=1e-6)


@LONG
def test_a_recipe_on_a_cluster_equals_that_of_one_process(alone: Path, tmp_path: Path) -> None:
    command(tmp_path, "run", RECIPE, "--tiny", "--device", "ray", "--jobs", "2")
    runs = [State.read(Workspace.open(root), RECIPE, True).runs for root in (alone, tmp_path)]
    assert runs[0].keys() == runs[1].keys() and len(runs[0]) > 8
    for task, run in runs[0].items():
        assert_same(posteriors(alone, run), posteriors(tmp_path, runs[1][task]))


@LONG
def test_transcripts_of_a_cluster_equal_those_of_one_process(alone: Path) -> None:
    (model,) = (alone / "recipes" / "stand-ins").glob("whisper*")
    words = ("transcribe", "--model", str(model), "--set", "max_tokens=6", "--split", "test")
    command(alone, *words, "--name", "one", "--device", "cpu")
    command(alone, *words, "--name", "ray", *ON_RAY)
    tables = [pd.read_parquet(alone / "transcripts" / f"{name}.parquet") for name in ("one", "ray")]
    assert len(tables[0]) > 10
    pd.testing.assert_frame_equal(*tables, check_exact=False, rtol=1e-4)


@LONG
def test_seeds_on_a_cluster_equal_those_of_one_process(alone: Path) -> None:
    words = ("fit-head", "--backbones", "logmel", "--config", "small", "--seeds", "0-2")
    words += ("--set", "head.width=8", "--set", "stages.0.epochs=2", "--set", "stages.1.epochs=1")
    command(alone, *words, "--name", "one", "--device", "cpu")
    printed = command(alone, *words, "--name", "ray", "--device", "ray", "--jobs", "2")
    assert printed.count("dev macro-F1") == 3
    for seed in range(3):
        assert_same(posteriors(alone, f"one-s{seed}"), posteriors(alone, f"ray-s{seed}"))


@LONG
def test_a_folder_is_predicted_on_a_cluster(alone: Path) -> None:
    head = ("--set", "head.name=discriminant", "--device", "cpu", "--name", "p")
    command(alone, "fit-head", "--backbones", "whisper:each", "--config", "small", *head)
    words = ("predict", "p", str(alone / "audio"), "--format", "csv")
    tables = []
    for number, given in enumerate(((), ON_RAY)):
        command(alone, *words, "-o", str(alone / f"{number}.csv"), *given)
        tables.append(pd.read_csv(alone / f"{number}.csv"))
    pd.testing.assert_frame_equal(*tables, check_exact=False, rtol=1e-4)
    one, other = (table.filter(like="p_") for table in tables)  # Other batches round otherwise.
    pd.testing.assert_frame_equal(one, other, check_exact=False, rtol=0, atol=1e-5)


def test_workers_belong_to_a_cluster(tmp_path: Path) -> None:
    result = invoke(tmp_path, "predict", "run", "a.wav", "--set", "workers=2")
    assert isinstance(result.exception, ConfigError)
    assert "workers=2: expected at least 1, with on=ray" in str(result.exception)
