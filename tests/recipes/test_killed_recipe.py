"""A shipped recipe, killed by the system at twenty random moments, ends in the same tables."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = "medusa-14"
MOMENTS = 20


def command(home: Path) -> list[str]:
    code = "from medusa.cli import main; main()"
    where = ["--workspace", str(home), "run", RECIPE, "--tiny", "--device", "cpu"]
    return [sys.executable, "-c", code, *where]


def tables(home: Path) -> list[list[str]]:
    """All tables but the hours, their last column, which are no result."""
    text = (home / "recipes" / f"{RECIPE}-tiny" / "tables.md").read_text("utf-8")
    return [line.split("|")[:-2] for line in text.splitlines()]


@pytest.mark.skipif("MEDUSA_LONG_TESTS" not in os.environ, reason="MEDUSA_LONG_TESTS is not set")
def test_killed_at_twenty_random_moments_the_tables_are_the_same(tmp_path):
    straight = tmp_path / "straight"
    subprocess.run(command(straight), check=True, capture_output=True)
    assert len(tables(straight)) > 14
    chance, kills, number = random.Random(0), 0, 0
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    while kills < MOMENTS:
        number += 1
        home, alive = tmp_path / f"killed-{number}", True
        while alive:
            left = kills < MOMENTS
            process = subprocess.Popen(command(home), **silent)
            try:
                process.wait(timeout=chance.uniform(4, 20) if left else 600)
                assert process.returncode == 0
                alive = False
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
        assert tables(home) == tables(straight)
