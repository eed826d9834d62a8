"""Utterances go through a model in batches. Threads read ahead; unreadable files are set aside."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from medusa.errors import MedusaError
from medusa.extract.encoders.runner import BatchSplitter
from medusa.extract.inputs import Sound, Utterance, Wave, check_content, read_segment, read_sound
from medusa.extract.passes.plan import split_threads

Result = TypeVar("Result")
Prepared = TypeVar("Prepared")
Task = TypeVar("Task")


def stream(
    plan: Iterable[Sequence[Utterance]],
    prepare: Callable[[Utterance, Any], Any],
    encode: Callable[[Sequence[Any]], Sequence[Result]],
    rate_hz: int | None,
    late: bool = False,
    concurrent: int = 1,
) -> Iterator[list[tuple[Utterance, Result | MedusaError]]]:
    """Yield, batch by batch, every utterance with its result or with the error that it raised.

    Args:
        plan: the batches.
        prepare: turns an utterance and its samples (S,) or text into an item; it runs in threads.
        encode: turns items into as many results; it runs in this thread, or in several threads.
        rate_hz: the rate of the samples; None for texts.
        late: yield a batch after the next batch has begun, so that a GPU works during the storing.
        concurrent: the number of batches that are encoded at the same time, each on its share of
            the CPU's threads.
    """

    def fetch(batch: Sequence[Utterance]) -> list[tuple[Utterance, Any]]:
        return [(one, _prepared(one, prepare, rate_hz)) for one in batch]

    encode_within_memory = BatchSplitter(encode)

    def encode_pairs(
        pairs: Sequence[tuple[Utterance, Any]],
    ) -> list[tuple[Utterance, Result | MedusaError]]:
        good = [(one, item) for one, item in pairs if not isinstance(item, MedusaError)]
        bad = [(one, item) for one, item in pairs if isinstance(item, MedusaError)]
        return [*bad, *(encode_within_memory(good) if good else ())]

    workers = min(8, os.cpu_count() or 1)
    fetched = prefetch_map(fetch, plan, workers, 2 * workers)
    previous: list[tuple[Utterance, Result | MedusaError]] = []
    for current in _encoded(encode_pairs, fetched, concurrent):
        if late:
            current, previous = previous, current
        if current:
            yield current
    if previous:
        yield previous


def _encoded(
    encode: Callable[[Prepared], Result], batches: Iterable[Prepared], concurrent: int
) -> Iterator[Result]:
    """Encode the batches in order, one after the other or several at the same time."""
    if concurrent == 1:
        yield from map(encode, batches)
        return
    with split_threads(concurrent) as begin:
        yield from prefetch_map(encode, batches, concurrent, concurrent + 1, begin)


def _prepared(
    utterance: Utterance, prepare: Callable[[Utterance, Any], Any], rate_hz: int | None
) -> Any:
    """Return the item of an utterance, or the error of its file."""
    try:
        return prepare(utterance, read_source(utterance, rate_hz))
    except MedusaError as problem:
        return problem


def read_source(utterance: Utterance, rate_hz: int | None) -> Wave | str:
    """Return an utterance's samples, or its text.

    Raises:
        MedusaError: the file cannot be read, or was changed after the import.
    """
    if isinstance(utterance.source, str):
        return utterance.source
    if rate_hz is None:
        raise TypeError(f"{utterance.label}: samples need a rate")
    if isinstance(utterance.source, Sound):
        return read_sound(utterance.source, rate_hz)
    wave = read_segment(utterance.source, rate_hz)
    if utterance.is_checked:
        check_content(utterance.source, utterance.content)
    return wave


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
