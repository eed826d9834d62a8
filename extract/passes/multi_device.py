"""Several devices: a process each, which takes its share of the utterances into the same stores."""

import os
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from multiprocessing import get_context
from queue import Empty
from typing import Any

from medusa.cache import FeatureStore
from medusa.cache.layout import create
from medusa.cache.writer import finish
from medusa.children import no_orphans, one_process
from medusa.console import Advance, progress
from medusa.errors import MedusaError
from medusa.extract.encoders.devices import pick
from medusa.extract.encoders.offload import Busy
from medusa.extract.passes.shared_pass import extract_together
from medusa.extract.passes.single_pass import Outcome, extract, provenance
from medusa.extract.planning.estimate import check_room
from medusa.extract.planning.jobs import Job

LOOK_EVERY_S = 0.2
Found = list[Outcome]


class ProcessError(MedusaError):
    """A process that ended before its share was done."""


def extract_on(
    jobs: Sequence[Job],
    devices: Sequence[str],
    budget_s: float | None,
    non_finite: str = "refuse",
    line: Any = progress,
) -> Found:
    """Fill the stores of one pass, on one device or on several at once.

    Args:
        jobs: one group of `together.passes`.
        devices: a process each where there are several; `cpu` may come twice.
        budget_s, non_finite, line: as `extract` takes them.

    Returns:
        One outcome a job.

    Raises:
        MedusaError: as `extract` does; ProcessError where a process was killed. What was committed
            is safe, and the same command goes on with the rest.
    """
    if len(devices) > 1:
        return _in_processes(jobs, devices, budget_s, non_finite)
    if len(jobs) > 1:
        return extract_together(jobs, devices[0], budget_s, non_finite, line)
    return [extract(jobs[0], devices[0], budget_s, non_finite, line)]


def share(job: Job, number: int, of: int) -> Job:
    """Return a job with the utterances of one process: by content, so that reruns share alike."""
    mine = [one for one in job.utterances if zlib.crc32(one.content.encode()) % of == number]
    return replace(job, utterances=mine)


def _in_processes(
    jobs: Sequence[Job], devices: Sequence[str], budget_s: float | None, non_finite: str
) -> Found:
    for job in jobs:  # by one process, before several look for it
        create(job.store, job.spec, provenance(",".join(devices), job.backbone.source))
    lacking = [(job, _lacking(job)) for job in jobs]
    if not any(utterances for _, utterances in lacking):
        return [Outcome() for _ in jobs]
    check_room(*lacking)
    told = get_context("spawn").Queue()
    count, label = len(devices), "+".join(job.backbone.name for job in jobs)
    threads = max(1, (os.cpu_count() or 1) // count)
    total = len({one.content for job in jobs for one in job.utterances})
    with progress(label, total) as advance, ExitStack() as pools, no_orphans():
        futures = []
        for number, device in enumerate(devices):
            pool = pools.enter_context(one_process(threads, _begin, (told,)))
            mine = [share(job, number, count) for job in jobs]
            futures.append(pool.submit(_work, mine, device, budget_s, non_finite))
        _watch(futures, told, advance)
        try:
            found = [future.result() for future in futures]
        except BrokenProcessPool as problem:
            raise ProcessError(
                f"--device {','.join(devices)}: a process was killed (memory?); what it committed "
                "is safe: run the same command again"
            ) from problem
    for job in jobs:
        finish(job.store, job.spec)
    return [joined([of[number] for of in found]) for number in range(len(jobs))]


def _lacking(job: Job) -> list[Any]:
    absent = set(FeatureStore.open(job.store).missing(one.content for one in job.utterances))
    return list({one.content: one for one in job.utterances if one.content in absent}.values())


def _watch(futures: Sequence["Future[Found]"], told: Any, advance: Advance) -> None:
    """Show what the processes tell, until all have ended."""
    while True:
        ended = not wait(futures, timeout=0).not_done
        try:
            while True:
                advance(told.get(timeout=0 if ended else LOOK_EVERY_S))
        except Empty:
            if ended:
                return


def joined(parts: Sequence[Outcome]) -> Outcome:
    """Return what several processes did to one store; busy is the mean of their devices."""
    busy = Busy()
    busy.known_s = sum(one.busy.seconds for one in parts) / len(parts)
    return Outcome(
        utterances=sum(one.utterances for one in parts),
        seconds=sum(one.seconds for one in parts),
        frames=sum(one.frames for one in parts),
        elapsed_s=max(one.elapsed_s for one in parts),
        busy=busy,
        problems=[problem for one in parts for problem in one.problems],
    )


_told: Any = None  # of a worker process: where it tells what it has done


def _begin(told: Any) -> None:
    global _told
    _told = told


def _work(jobs: Sequence[Job], device: str, budget_s: float | None, non_finite: str) -> Found:
    found = extract_on(jobs, [pick(device)], budget_s, non_finite, _tell)
    for outcome in found:
        busy = Busy()  # the events of a GPU stay in its process
        busy.known_s = outcome.busy.seconds
        outcome.busy = busy
    return found


@contextmanager
def _tell(label: str, total: float, unit: str = "utt", done: float = 0) -> Iterator[Advance]:
    """Stand for `console.progress` in a worker: the command shows one line for all."""

    def advance(amount: float = 1, note: str = "") -> None:
        _told.put(amount)

    advance(done)
    yield advance
