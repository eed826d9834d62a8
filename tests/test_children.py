"""Processes that a command starts: none outlives a failure."""

import os
import subprocess
import sys
import time
from multiprocessing import active_children, get_context
from pathlib import Path

import pytest
import torch

from medusa.children import no_orphans, one_process


def test_a_failure_kills_what_was_started_inside_and_nothing_else():
    spawn = get_context("spawn")
    older = spawn.Process(target=time.sleep, args=(60,))
    older.start()
    try:
        with pytest.raises(ValueError, match="told too late"), no_orphans():
            inside = spawn.Process(target=time.sleep, args=(60,))
            inside.start()
            raise ValueError("told too late")
        inside.join(20)
        assert inside.exitcode == -9 and older.is_alive()
    finally:
        older.kill()
        older.join(20)


def test_without_a_failure_all_live_on():
    with no_orphans():
        child = get_context("spawn").Process(target=time.sleep, args=(60,))
        child.start()
    assert child in active_children()
    child.kill()
    child.join(20)


PARENT = """
import os, sys, time
from medusa.children import one_process
if __name__ == "__main__":
    pool = one_process(1, abs, (0,))
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(time.sleep, 600)
    time.sleep(600)
"""


def test_a_process_ends_when_the_command_is_killed(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    with subprocess.Popen(
        [sys.executable, tmp_path / "parent.py"], stdout=subprocess.PIPE, text=True
    ) as parent:
        worker = int(parent.stdout.readline())
        assert Path(f"/proc/{worker}").exists()
        parent.kill()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    state = Path(f"/proc/{worker}/stat")
    assert not state.exists() or ") Z " in state.read_text()


def test_a_process_has_its_threads_and_what_it_begins_with(tmp_path):
    with one_process(3, os.chdir, (tmp_path,)) as pool:
        assert pool.submit(torch.get_num_threads).result() == 3
        assert pool.submit(os.getcwd).result() == str(tmp_path)
