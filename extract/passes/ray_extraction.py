"""Workers of a Ray cluster fill the same stores, on a common disk or in a bucket.

A task is a list of batches, and it is done when the store has their utterances.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from medusa.cache import FeatureStore
from medusa.console import progress
from medusa.distributed.batch_tasks import WHY, BatchTasks
from medusa.extract.encoders import pick_device
from medusa.extract.inputs import Utterance
from medusa.extract.passes.feature_worker import FeatureWorker
from medusa.extract.passes.plan import SharedPlan, corpus_batches
from medusa.extract.passes.run_pass import run_pass
from medusa.extract.passes.worker import Outcome
from medusa.extract.planning import ExtractionJob

Batches = list[list[Utterance]]


class RayEncoder:
    """An actor that keeps the encoders of some jobs in memory.

    Args:
        jobs: the jobs, without their utterances.
        batch_seconds, non_finite: the arguments of `fill_stores`.
        total: the attribute of `SharedPlan`.
        threads: the number of CPUs of the actor.
    """

    def __init__(
        self,
        jobs: Sequence[ExtractionJob],
        batch_seconds: float | None,
        non_finite: str,
        total: int,
        threads: int,
    ) -> None:
        import torch

        torch.set_num_threads(threads)
        self.device, self.batch_seconds, self.total = pick_device("auto"), batch_seconds, total
        self.workers = [FeatureWorker(job, self.device, non_finite) for job in jobs]

    def ready(self) -> None:
        """Return when the actor has started."""

    def run(self, batches: Batches) -> list[Outcome]:
        """Fill the stores with some batches, and return the outcome for each store."""
        for worker in self.workers:
            worker.utterances = [one for batch in batches for one in batch]
            worker.outcome = Outcome()
        run_pass(
            self.workers, self.device, self.batch_seconds, plan=SharedPlan(batches, self.total)
        )
        return [one.outcome.sendable() for one in self.workers]


def fill_on_ray(
    jobs: Sequence[ExtractionJob],
    address: str,
    count: int,
    batch_seconds: float | None,
    non_finite: str = "refuse",
) -> list[Outcome]:
    """Fill the stores of encoders that read the same samples, with workers of a Ray cluster.

    Args:
        jobs: the backbones, with their stores and utterances.
        address, count: the cluster, and the number of workers; see `on_workers`.
        batch_seconds, non_finite: the arguments of `fill_stores`.

    Raises:
        MedusaError: the errors of `on_workers` and of `run_pass`. The committed features are safe,
            and the same call goes on with the rest.
    """
    began = time.monotonic()
    workers = [FeatureWorker(job, address) for job in jobs]
    for worker in workers:  # The stores exist before several writers open them.
        worker.open()
        worker.close()
    batches, costs, total = corpus_batches(workers, batch_seconds)
    todo = _lacking(jobs, batches)
    if not todo:
        return [worker.outcome for worker in workers]
    numbers = {id(batch): number for number, batch in enumerate(batches)}
    chosen = [costs[numbers[id(batch)]] for batch in todo]
    tasks = BatchTasks[Utterance](lambda task: _lacking(jobs, task), lambda one: one.content)
    few = [replace(job, utterances=()) for job in jobs]
    arguments = (few, batch_seconds, non_finite, total)
    parts: list[list[Outcome]] = [[Outcome() for _ in jobs]]
    with progress("+".join(job.backbone.name for job in jobs), sum(map(len, todo))) as advance:
        for outcomes in tasks.run(todo, chosen, address, count, RayEncoder, arguments):
            parts.append(outcomes)
            advance(max(one.utterances for one in outcomes))
    for worker in workers:
        worker.open()
        worker.close()  # Now the shards of all workers are visible to Zarr readers.
    elapsed_s = time.monotonic() - began
    return [
        Outcome.of_cluster(column, count, elapsed_s, [f"{one.label}: {WHY}" for one in tasks.aside])
        for column in zip(*parts, strict=True)
    ]


def _lacking(jobs: Sequence[ExtractionJob], batches: Batches) -> Batches:
    """Return the batches with an utterance that a store lacks."""
    stores = [FeatureStore.open(job.store) for job in jobs]
    return [
        batch
        for batch in batches
        if any(one.content not in store for store in stores for one in batch)
    ]
