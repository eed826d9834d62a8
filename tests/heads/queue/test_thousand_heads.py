"""A grid of a thousand heads, killed again and again: none lost, none done twice."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from medusa.heads.runs.run_dir import FINISHED, METRICS

HEADS, KILLS = 1000, 8


def finished(runs: Path) -> dict[str, int]:
    """Return when each head was finished."""
    return {path.parent.name: path.stat().st_mtime_ns for path in runs.glob(f"*/{FINISHED}")}


@pytest.mark.skipif("MEDUSA_LONG_TESTS" not in os.environ, reason="MEDUSA_LONG_TESTS is not set")
def test_a_thousand_heads_with_kills(workspace):
    sets = ("head.name=probe", "train.batch=64", "train.draws=1", "head.width=8")
    words = [word for one in sets for word in ("--set", one)]
    words += ["--set", "stages=[{name: all, epochs: 1, lr: 1.0e-2}]"]
    words += ["--name", "g", "--seeds", f"0-{HEADS // 4 - 1}", "--grid", "stages.0.lr=1e-3,1e-2"]
    words += ["--grid", "mixup.p=0,0.5"]
    code = "from medusa.cli import main; main()"
    command = [sys.executable, "-c", code, "--workspace", str(workspace), "fit-head"]
    command += ["--config", "small", "--device", "cpu", *words]
    chance, runs, done = random.Random(0), workspace / "runs", {}
    for _ in range(KILLS):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        more = len(done) + chance.randrange(1, HEADS // KILLS)
        while len(finished(runs)) < more:
            assert process.poll() is None, "it has ended before it was killed"
            time.sleep(0.05)
        time.sleep(chance.random() / 10)  # anywhere in a head
        process.send_signal(signal.SIGKILL)
        process.wait()
        before, done = done, finished(runs)
        assert all(done[name] == when for name, when in before.items())  # never done again
    last = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    assert last.stdout.count(b"on balanced draws") == HEADS
    folders = [path.parent for path in runs.glob(f"*/{FINISHED}")]
    assert len(folders) == HEADS
    for name, when in done.items():
        assert (runs / name / FINISHED).stat().st_mtime_ns == when
    assert all(len((path / METRICS).read_text().splitlines()) == 1 for path in folders)
