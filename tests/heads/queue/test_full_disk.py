"""A full disk ends a training in one sentence, nothing is half written, and it continues later."""

import os
import resource
import subprocess
import sys
from pathlib import Path

from medusa.heads.runs.run_dir import RunDir
from medusa.tests.command_line import call

SETS = ["head.width=64", "head.feedforward=256", "stages.0.epochs=1", "stages.1.epochs=1"]
FIT = ["fit-head", "--name", "a", "--device", "cpu", *(w for s in SETS for w in ("--set", s))]
LARGEST = 20_000  # This is less than the weights take, and more than the other files take.


def test_a_training_without_room_says_so_and_continues_later(workspace: Path) -> None:
    code = "from medusa.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--workspace", str(workspace), *FIT],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST)),
    )
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert ".safetensors: File too large; make room on the disk and run" in last
    assert not [name for name in os.listdir(workspace / "runs/a") if "partial" in name]
    call(workspace, *FIT)
    assert RunDir(workspace / "runs/a").finished
