"""Several devices fill the same stores: each has a process, with its part of the utterances."""

import os
from collections.abc import Sequence
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from multiprocessing import get_context
from queue import Empty
from typing import Any

from medusa.children import no_orphans, one_process
from medusa.console import Advance, current_reporter, progress, report_to
from medusa.distributed.pieces import Share
from medusa.errors import MedusaError
from medusa.extract.encoders import ComputeTimer, pick_device
from medusa.extract.passes.feature_worker import FeatureWorker
from medusa.extract.passes.run_pass import fill_stores
from medusa.extract.passes.worker import Outcome
from medusa.extract.planning import ExtractionJob, require_room

LOOK_EVERY_S = 0.2


def fill_in_processes(
    jobs: Sequence[ExtractionJob],
    devices: Sequence[str],
    batch_seconds: float | None,
    non_finite: str = "refuse",
) -> list[Outcome]:
    """Fill the stores with one process for each device; `cpu` may be listed twice.

    The other arguments are those of `fill_stores`.

    Raises:
        MedusaError: the errors of `run_pass`, or a process was killed. The committed features are
            safe, and the same call goes on with the rest.
    """
    workers = [FeatureWorker(job, ",".join(devices)) for job in jobs]
    needed = [_needed(worker) for worker in workers]
    if not any(needed):
        return [worker.outcome for worker in workers]
    require_room(jobs[0].store.parent, sum(needed))
    progress_queue = get_context("spawn").Queue()
    count, label = len(devices), "+".join(job.backbone.name for job in jobs)
    threads = max(1, (os.cpu_count() or 1) // count)
    total = len({one.content for job in jobs for one in job.utterances})
    with progress(label, total) as advance, ExitStack() as pools, no_orphans():
        futures = []
        for number, device in enumerate(devices):
            pool = pools.enter_context(one_process(threads, _start, (progress_queue,)))
            share = Share(number, count)
            futures.append(pool.submit(_work, jobs, device, batch_seconds, non_finite, share))
        _watch(futures, progress_queue, advance)
        try:
            outcomes = [future.result() for future in futures]
        except BrokenProcessPool as problem:
            raise MedusaError(
                f"--device {','.join(devices)}: a process was killed, perhaps because memory ran "
                "out; the features that it committed are safe: run the same command again"
            ) from problem
    for worker in workers:
        worker.close()  # now the shards of all processes become visible to Zarr readers
    return [Outcome.of_processes(parts) for parts in zip(*outcomes, strict=True)]


def _needed(worker: FeatureWorker) -> float:
    """Create a store, before several processes open it, and return the bytes that it needs."""
    worker.open()
    absent = worker.missing()
    worker.close()
    return worker.bytes_of([one for one in worker.utterances if one.content in absent])


def _work(
    jobs: Sequence[ExtractionJob],
    device: str,
    batch_seconds: float | None,
    non_finite: str,
    share: Share,
) -> list[Outcome]:
    """Fill the stores in a worker process; return outcomes that can be sent to another process."""
    outcomes = fill_stores(jobs, pick_device(device), batch_seconds, non_finite, share)
    # A timer's events on a GPU cannot leave their process.
    return [replace(one, timer=ComputeTimer(known_s=one.timer.seconds)) for one in outcomes]


class _Queued:
    """The reporter of a worker process: the command shows one progress line for all of them."""

    def __init__(self, progress_queue: Any) -> None:
        self.progress_queue, self.messages = progress_queue, current_reporter()

    def say(self, message: str) -> None:
        self.messages.say(message)

    def progress(
        self, label: str, total: float, unit: str, done: float
    ) -> AbstractContextManager[Advance]:
        self.advance(done)
        return nullcontext(self.advance)

    def advance(self, amount: float = 1, note: str = "") -> None:
        self.progress_queue.put(amount)


def _start(progress_queue: Any) -> None:
    """Send the progress of a worker process to the queue."""
    report_to(_Queued(progress_queue))


def _watch(
    futures: Sequence["Future[list[Outcome]]"], progress_queue: Any, advance: Advance
) -> None:
    """Show the progress that the processes report, until all of them have ended."""
    while True:
        ended = not wait(futures, timeout=0).not_done
        try:
            while True:
                advance(progress_queue.get(timeout=0 if ended else LOOK_EVERY_S))
        except Empty:
            if ended:
                return
