"""Processes that a command starts: killed ones are noticed, none outlives its purpose."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children
from typing import Any, TypeVar


@contextmanager
def no_orphans() -> Iterator[None]:
    """Kill the processes that were started inside, if it fails.

    A pool of which one process is killed early can wait for ever for another one, which it
    started too late to be told.
    """
    before = set(active_children())
    try:
        yield
    except BaseException:
        for child in set(active_children()) - before:
            child.kill()
        raise


T = TypeVar("T")


def submit(
    pool: ProcessPoolExecutor, function: Callable[..., T], calls: Iterable[tuple[Any, ...]]
) -> "list[Future[T]]":
    """Give a pool one call for each tuple of arguments.

    Raises:
        BrokenProcessPool: a process was killed; here also while another one was being started,
            where the pool itself would say that a handle is closed or a pipe broken.
    """
    try:
        return [pool.submit(function, *arguments) for arguments in calls]
    except OSError as problem:
        raise BrokenProcessPool(f"a process could not be started: {problem}") from problem
