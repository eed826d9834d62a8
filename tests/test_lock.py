"""One process at a time changes a run, a manifest, a table or a recipe's state."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from medusa import lock
from medusa.errors import MedusaError
from medusa.lock import locked

HOLD = """
import sys, time
from pathlib import Path
from medusa.lock import locked
with locked(Path(sys.argv[1]), "working"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "A_MOMENT_S", 0.0)


def hold(path: Path, seconds: float) -> subprocess.Popen[bytes]:
    """Start a process that holds the lock, and return when it does."""
    words = [sys.executable, "-c", HOLD, str(path), str(seconds)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"held\n"
    return process


def end(process: subprocess.Popen[bytes], kill: bool = True) -> None:
    if kill:
        process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_second_process_is_refused_and_a_killed_one_never_blocks(tmp_path: Path) -> None:
    process = hold(tmp_path / "a", 60)
    with (
        pytest.raises(MedusaError, match="a: another process is training; wait until it has ended"),
        locked(tmp_path / "a", "training"),
    ):
        pass
    with locked(tmp_path / "b", "training"):  # The lock is one thing's alone.
        pass
    end(process)
    assert (tmp_path / ".a.lock").exists()
    with locked(tmp_path / "a", "training"):
        pass


def test_a_second_process_may_wait(tmp_path: Path) -> None:
    process, began = hold(tmp_path / "a", 0.5), time.monotonic()
    with locked(tmp_path / "a", "training", wait_s=-1):
        waited = time.monotonic() - began
    end(process, kill=False)
    assert 0.2 < waited < 30


def test_an_error_inside_releases_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), locked(tmp_path / "a", "training"):
        raise ValueError("mine")
    end(hold(tmp_path / "a", 60))


@pytest.mark.parametrize("problem", [OSError(38, "no locks"), NotImplementedError()])
def test_a_disk_without_locks_refuses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    def acquire(*arguments: object, **settings: object) -> None:
        raise problem

    monkeypatch.setattr("filelock.FileLock.acquire", acquire)
    with locked(tmp_path / "a", "training"):
        ran = True
    assert ran and not os.listdir(tmp_path)
