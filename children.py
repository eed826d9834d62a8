"""Processes that a command starts never outlive what they were started for."""

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import active_children


@contextmanager
def no_orphans() -> Iterator[None]:
    """Kill the processes that were started inside, if it fails.

    A pool that is closed waits for what its processes are doing, for hours perhaps.
    """
    before = set(active_children())
    try:
        yield
    except BaseException:
        for child in set(active_children()) - before:
            child.kill()
        raise
