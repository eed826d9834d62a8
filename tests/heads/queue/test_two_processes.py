"""Two commands for one run: one trains, and the other is refused in one sentence."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from medusa import lock
from medusa.heads.runs.run_dir import RunDir
from medusa.lock import locked
from medusa.tests.command_line import call, invoke

SMALL = ["head.width=8", "head.feedforward=16", "stages.0.epochs=4", "stages.1.epochs=4"]
FIT = ["fit-head", "--name", "a", "--device", "cpu", "--set", "train.patience=99"]
FIT += [word for setting in SMALL for word in ("--set", setting)]


def test_the_second_of_two_trainings_of_one_run_is_refused(workspace: Path) -> None:
    code = "from medusa import cli, lock; lock.A_MOMENT_S = 0; cli.main()"
    words = [sys.executable, "-c", code, "--workspace", str(workspace), *FIT]
    jobs = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [job.communicate()[1].strip().splitlines()[-1] for job in jobs]
    codes = sorted(job.returncode for job in jobs)
    refused = "another process is making this run; wait until it has ended"
    assert codes in ([0, 1], [0, 0])  # Both succeed if one starts when the other has ended.
    assert codes == [0, 0] or sum(refused in line for line in errors) == 1
    lines = map(json.loads, (workspace / "runs/a/metrics.jsonl").read_text().splitlines())
    epochs = [line["epoch"] for line in lines]
    assert epochs == sorted(set(epochs)) and RunDir(workspace / "runs/a").finished


def test_a_run_that_is_being_made_is_neither_replaced_nor_stacked_over(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "A_MOMENT_S", 0.0)
    call(workspace, *FIT)
    before = {path.name: path.read_bytes() for path in (workspace / "runs/a").iterdir()}
    for name, words in {"a": [*FIT, "--force"], "s": ["stack", "a", "--name", "s"]}.items():
        with locked(workspace / "runs" / name, "making this run"):
            result = invoke(workspace, *words)
        assert result.exit_code == 1
        assert f"runs/{name}: another process is making this run" in str(result.exception)
        assert call(workspace, *words).exit_code == 0
    after = {path.name: path.read_bytes() for path in (workspace / "runs/a").iterdir()}
    assert before["predictions.parquet"] == after["predictions.parquet"]
