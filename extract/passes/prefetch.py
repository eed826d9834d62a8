"""An ordered map whose next few results are computed in threads while one is being used."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def prefetch_map(
    work: Callable[[Task], Result],
    tasks: Iterable[Task],
    workers: int = 2,
    depth: int = 4,
    begin: Callable[[], None] | None = None,
) -> Iterator[Result]:
    """Yield `work(task)` for every task, in order; at most `depth` results wait.

    Every thread calls `begin` first. An error in `work` is raised in place of its result. When the
    consumer stops, tasks that have not begun are dropped. Ctrl-C does not wait for the others.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="prefetch", initializer=begin)
    waiting: deque[Future[Result]] = deque()
    patient = True
    try:
        for task in tasks:
            waiting.append(pool.submit(work, task))
            if len(waiting) >= depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except KeyboardInterrupt:
        patient = False  # a batch of a large model may take a minute
        raise
    finally:
        pool.shutdown(wait=patient, cancel_futures=True)
