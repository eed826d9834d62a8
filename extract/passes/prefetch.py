"""Doing the next few jobs in threads while the current one is being used."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def ahead(
    work: Callable[[Job], Result],
    jobs: Iterable[Job],
    workers: int = 2,
    depth: int = 4,
    begin: Callable[[], None] | None = None,
) -> Iterator[Result]:
    """Yield `work(job)` for every job, in order, with at most `depth` results waiting.

    Every thread calls `begin` first. An error in `work` is raised when its turn comes; when the
    consumer stops, what has not begun is dropped, and Ctrl-C does not wait for what has.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="prefetch", initializer=begin)
    waiting: deque[Future[Result]] = deque()
    patient = True
    try:
        for job in jobs:
            waiting.append(pool.submit(work, job))
            if len(waiting) >= depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except KeyboardInterrupt:
        patient = False  # a batch of a large model may take a minute
        raise
    finally:
        pool.shutdown(wait=patient, cancel_futures=True)
