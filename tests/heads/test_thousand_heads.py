"""A grid of a thousand heads, killed again and again: none lost, none done twice."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from medusa.heads.run_dir import FINISHED, METRICS

HEADS = 1000


@pytest.mark.skipif("MEDUSA_LONG_TESTS" not in os.environ, reason="takes minutes")
def test_a_thousand_heads_with_kills(workspace):
    sets = ("head.name=probe", "train.batch=64", "train.draws=1", "head.width=8")
    words = [word for one in sets for word in ("--set", one)]
    words += ["--set", "stages=[{name: all, epochs: 1, lr: 1.0e-2}]"]
    words += ["--name", "g", "--seeds", f"0-{HEADS // 4 - 1}", "--grid", "stages.0.lr=1e-3,1e-2"]
    words += ["--grid", "mixup.p=0,0.5"]
    code = "from medusa.cli import main; main()"
    command = [sys.executable, "-c", code, "--workspace", str(workspace), "fit-head"]
    command += ["--config", "small", "--device", "cpu", *words]
    chance, runs, done, kills = random.Random(0), workspace / "runs", {}, 0
    while True:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            printed, _ = process.communicate(timeout=20 + 20 * chance.random())
            assert process.returncode == 0
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
        finished = {
            path.parent.name: path.stat().st_mtime_ns for path in runs.glob(f"*/{FINISHED}")
        }
        assert all(finished[name] == when for name, when in done.items())  # never done again
        assert len(finished) > len(done), "no head was finished between two kills"
        done = finished
        time.sleep(0.1)
    assert kills > 3 and printed.count(b"on balanced draws") == HEADS
    found = [path.parent for path in runs.glob(f"*/{FINISHED}")]
    assert len(found) == HEADS
    for name, when in done.items():
        assert (runs / name / FINISHED).stat().st_mtime_ns == when
    assert all(len((path / METRICS).read_text().splitlines()) == 1 for path in found)
