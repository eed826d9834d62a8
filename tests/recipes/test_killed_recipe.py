"""A shipped recipe, killed by the system at random moments, ends in the same tables."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RECIPE = "medusa-14"
FOLDS = ("--cross-validate", "speaker", "--k", "3")


def command(home: Path, recipe: str, *words: str) -> list[str]:
    code = "from medusa.cli import main; main()"
    where = ["--workspace", str(home), "run", recipe, "--tiny", "--device", "cpu", *words]
    return [sys.executable, "-c", code, *where]


def tables(home: Path) -> list[list[str]]:
    """All tables but the hours, their last column, which are no result."""
    text = (home / "recipes" / f"{RECIPE}-tiny" / "tables.md").read_text("utf-8")
    return [line.split("|")[:-2] for line in text.splitlines()]


def scores(home: Path) -> dict[str, Any]:
    """The scores of a cross-validated recipe."""
    file = home / "cross-validation/speaker-3/probe-tiny/result.json"
    return dict(json.loads(file.read_text("utf-8")))


@pytest.mark.skipif("MEDUSA_LONG_TESTS" not in os.environ, reason="MEDUSA_LONG_TESTS is not set")
@pytest.mark.parametrize(
    ("words", "result", "moments"),
    [((RECIPE,), tables, 20), (("probe", *FOLDS), scores, 8)],
    ids=["recipe", "cross-validation"],
)
def test_killed_at_random_moments_the_result_is_the_same(
    tmp_path: Path, words: tuple[str, ...], result: Callable[[Path], Any], moments: int
) -> None:
    straight = tmp_path / "straight"
    subprocess.run(command(straight, *words), check=True, capture_output=True)
    assert len(result(straight)) > 7
    chance, kills, number = random.Random(0), 0, 0
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    while kills < moments:
        number += 1
        home, alive = tmp_path / f"killed-{number}", True
        while alive:
            left = kills < moments
            process = subprocess.Popen(command(home, *words), **silent)
            try:
                process.wait(timeout=chance.uniform(4, 20) if left else 600)
                assert process.returncode == 0
                alive = False
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
        assert result(home) == result(straight)
