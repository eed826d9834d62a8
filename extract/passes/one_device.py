"""The passes of one process: on the only device, or as one of several worker processes."""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from medusa.console import Advance, progress
from medusa.extract.encoders import ComputeTimer, pick
from medusa.extract.passes.shared_pass import extract_together
from medusa.extract.passes.single_pass import Outcome, extract
from medusa.extract.planning import ExtractionJob

_progress_queue: Any = None  # in a worker process: where it reports its progress


def extract_on_device(
    jobs: Sequence[ExtractionJob],
    device: str,
    batch_seconds: float | None,
    non_finite: str = "refuse",
    line: Any = progress,
) -> list[Outcome]:
    """Fill the stores of one pass on one device; arguments and errors are those of `extract`."""
    if len(jobs) > 1:
        return extract_together(jobs, device, batch_seconds, non_finite, line)
    return [extract(jobs[0], device, batch_seconds, non_finite, line)]


def shard_of(job: ExtractionJob, number: int, count: int) -> ExtractionJob:
    """Return a job with the utterances of process `number` of `count`.

    They are chosen by content, so that another run divides the utterances in the same way.
    """
    shard = [one for one in job.utterances if zlib.crc32(one.content.encode()) % count == number]
    return replace(job, utterances=shard)


def start_worker(progress_queue: Any) -> None:
    """Remember, in a worker process, where it reports its progress."""
    global _progress_queue
    _progress_queue = progress_queue


def work(
    jobs: Sequence[ExtractionJob], device: str, batch_seconds: float | None, non_finite: str
) -> list[Outcome]:
    """Fill the stores in a worker process, and return outcomes that can be sent to another one."""
    outcomes = extract_on_device(jobs, pick(device), batch_seconds, non_finite, _report)
    for outcome in outcomes:
        timer = ComputeTimer()  # the events of a GPU stay in its process
        timer.known_s = outcome.timer.seconds
        outcome.timer = timer
    return outcomes


@contextmanager
def _report(label: str, total: float, unit: str = "utt", done: float = 0) -> Iterator[Advance]:
    """Stand for `console.progress` in a worker: the command shows one line for all."""

    def advance(amount: float = 1, note: str = "") -> None:
        _progress_queue.put(amount)

    advance(done)
    yield advance
