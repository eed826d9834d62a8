"""Several devices: one process each, which adds its part of the utterances to the same stores."""

import os
from collections.abc import Sequence
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from multiprocessing import get_context
from queue import Empty
from typing import Any

from medusa.cache import FeatureStore
from medusa.cache.layout import create
from medusa.cache.writer import finish
from medusa.children import no_orphans, one_process
from medusa.console import Advance, progress
from medusa.errors import MedusaError
from medusa.extract.passes.one_device import extract_on_device, shard_of, start_worker, work
from medusa.extract.passes.single_pass import Outcome, provenance
from medusa.extract.planning import ExtractionJob, check_room

LOOK_EVERY_S = 0.2


def extract_on_devices(
    jobs: Sequence[ExtractionJob],
    devices: Sequence[str],
    batch_seconds: float | None,
    non_finite: str = "refuse",
    line: Any = progress,
) -> list[Outcome]:
    """Fill the stores of one pass, on one device or on several at the same time.

    Args:
        jobs: one group of `shared_pass.passes`.
        devices: a process for each, where there are several; `cpu` may come twice.
        batch_seconds, non_finite, line: as `extract` takes them.

    Returns:
        One outcome for each job.

    Raises:
        MedusaError: as `extract` does; MedusaError where a process was killed. The committed
            features are safe, and the same command goes on with the rest.
    """
    if len(devices) > 1:
        return _in_processes(jobs, devices, batch_seconds, non_finite)
    return extract_on_device(jobs, devices[0], batch_seconds, non_finite, line)


def _in_processes(
    jobs: Sequence[ExtractionJob],
    devices: Sequence[str],
    batch_seconds: float | None,
    non_finite: str,
) -> list[Outcome]:
    for job in jobs:  # one process creates each store before several open it
        create(job.store, job.spec, provenance(",".join(devices), job.backbone.source))
    lacking = [(job, _lacking(job)) for job in jobs]
    if not any(utterances for _, utterances in lacking):
        return [Outcome() for _ in jobs]
    check_room(*lacking)
    progress_queue = get_context("spawn").Queue()
    count, label = len(devices), "+".join(job.backbone.name for job in jobs)
    threads = max(1, (os.cpu_count() or 1) // count)
    total = len({one.content for job in jobs for one in job.utterances})
    with progress(label, total) as advance, ExitStack() as pools, no_orphans():
        futures = []
        for number, device in enumerate(devices):
            pool = pools.enter_context(one_process(threads, start_worker, (progress_queue,)))
            shards = [shard_of(job, number, count) for job in jobs]
            futures.append(pool.submit(work, shards, device, batch_seconds, non_finite))
        _watch(futures, progress_queue, advance)
        try:
            outcomes = [future.result() for future in futures]
        except BrokenProcessPool as problem:
            raise MedusaError(
                f"--device {','.join(devices)}: a process was killed (memory?); what it committed "
                "is safe: run the same command again"
            ) from problem
    for job in jobs:
        finish(job.store, job.spec)
    return [Outcome.of_processes(parts) for parts in zip(*outcomes, strict=True)]


def _lacking(job: ExtractionJob) -> list[Any]:
    absent = set(FeatureStore.open(job.store).missing(one.content for one in job.utterances))
    return list({one.content: one for one in job.utterances if one.content in absent}.values())


def _watch(
    futures: Sequence["Future[list[Outcome]]"], progress_queue: Any, advance: Advance
) -> None:
    """Show the progress that the processes report, until all have ended."""
    while True:
        ended = not wait(futures, timeout=0).not_done
        try:
            while True:
                advance(progress_queue.get(timeout=0 if ended else LOOK_EVERY_S))
        except Empty:
            if ended:
                return
