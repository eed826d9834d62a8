"""Processes that a command starts: none outlives a failure, none dies unnoticed."""

import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context

import pytest

from medusa.children import no_orphans, submit


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


def test_a_process_killed_while_another_is_started_is_a_broken_pool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def too_late(pool: ProcessPoolExecutor) -> None:
        raise OSError("handle is closed")

    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        assert [one.result() for one in submit(pool, abs, [(-3,), (2,)])] == [3, 2]
    monkeypatch.setattr(ProcessPoolExecutor, "_spawn_process", too_late)
    with (
        ProcessPoolExecutor(2, get_context("spawn")) as pool,
        pytest.raises(BrokenProcessPool, match="handle is closed"),
    ):
        submit(pool, abs, [(-3,)])
