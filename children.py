"""Processes that end with the process or the block that started them."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from typing import Any

from medusa.console import Reporter, current_reporter, report_to


def one_process(
    threads: int, initializer: Callable[..., None], initargs: tuple[Any, ...]
) -> ProcessPoolExecutor:
    """Return a pool of one process, which ends with this process, even if this one is killed.

    Every process has a pool of its own: a pool of several processes may hang if one process is
    killed while another one starts.

    Args:
        threads: the number of torch's threads in the new process.
        initializer, initargs: a function that the process calls first, and its arguments.
    """
    context = get_context("spawn")  # a forked process cannot use CUDA
    arguments = (threads, current_reporter(), initializer, initargs)
    return ProcessPoolExecutor(1, context, _begin, arguments)


def _begin(
    threads: int, reporter: Reporter, initializer: Callable[..., None], initargs: tuple[Any, ...]
) -> None:
    """Set the reporter, the parent's watch and the threads of a new process."""
    import torch

    report_to(reporter)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    initializer(*initargs)


def _end_with_parent() -> None:
    """Wait until the parent process has ended, and then end this one."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def no_orphans() -> Iterator[None]:
    """If the block fails, kill the processes that were started inside it.

    A pool that is only closed would wait until its processes have finished, perhaps for hours.
    """
    before = set(active_children())
    try:
        yield
    except BaseException:
        for child in set(active_children()) - before:
            child.kill()
        raise
