"""Processes that a command starts: none outlives a failure."""

import time
from multiprocessing import active_children, get_context

import pytest

from medusa.children import no_orphans


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
