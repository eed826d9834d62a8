"""Workers of a Ray cluster fill the same stores, on a common disk or in a bucket.

A task is a list of batches, and it is done when the store has their utterances. If a worker is
lost, the missing batches of its task are done one by one. If a batch loses a second worker, its
utterances are done one by one. An utterance that alone loses two workers is set aside.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from medusa.cache import FeatureStore
from medusa.console import progress
from medusa.distributed.pieces import Share
from medusa.distributed.ray_workers import on_workers
from medusa.extract.encoders import ComputeTimer, pick
from medusa.extract.inputs import Utterance
from medusa.extract.passes.feature_worker import FeatureWorker
from medusa.extract.passes.outcome import Outcome
from medusa.extract.passes.run_pass import run_pass
from medusa.extract.passes.shared_plan import SharedPlan, corpus_batches
from medusa.extract.planning import ExtractionJob

MOST_LOSSES = 2
LOST = "its worker was lost twice; is the file damaged, or is there too little memory?"
TASKS_A_WORKER = 8  # many tasks end at the same time, and few leave large shards
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
        self.device, self.batch_seconds, self.total = pick("auto"), batch_seconds, total
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
        return [
            replace(one.outcome, timer=ComputeTimer(known_s=one.outcome.timer.seconds), began=None)
            for one in self.workers
        ]


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
    shares = [Share(number, count * TASKS_A_WORKER) for number in range(count * TASKS_A_WORKER)]
    tasks = [[todo[n] for n in share.choose(chosen)] for share in shares]
    aside: list[str] = []
    lost: Counter[str] = Counter()

    def after_loss(task: Batches) -> list[Batches]:
        smaller, alone = smaller_tasks(task, _lacking(jobs, task), lost)
        aside.extend(f"{one.label}: {LOST}" for one in alone)
        return smaller

    few = [replace(job, utterances=()) for job in jobs]
    arguments = (few, batch_seconds, non_finite, total)
    parts: list[list[Outcome]] = [[Outcome() for _ in jobs]]
    with progress("+".join(job.backbone.name for job in jobs), sum(map(len, todo))) as advance:
        some = [task for task in tasks if task]
        for outcomes in on_workers(address, count, RayEncoder, arguments, some, after_loss):
            parts.append(outcomes)
            advance(max(one.utterances for one in outcomes))
    for worker in workers:
        worker.open()
        worker.close()  # Now the shards of all workers are visible to Zarr readers.
    elapsed_s = time.monotonic() - began
    return [_total(column, count, elapsed_s, aside) for column in zip(*parts, strict=True)]


def _total(parts: Sequence[Outcome], count: int, elapsed_s: float, aside: Sequence[str]) -> Outcome:
    """Return the sum of the outcomes of all tasks, with the timer's mean and the workers' peak."""
    whole = Outcome.of_processes(parts)
    busy = ComputeTimer(known_s=sum(one.timer.seconds for one in parts) / count)
    peak_flop_s = count * max(one.peak_flop_s for one in parts)
    problems = [*whole.problems, *aside]
    return replace(
        whole, elapsed_s=elapsed_s, timer=busy, peak_flop_s=peak_flop_s, problems=problems
    )


def smaller_tasks(
    task: Batches, lacking: Batches, lost: Counter[str]
) -> tuple[list[Batches], list[Utterance]]:
    """Return the tasks in place of one whose worker was lost, and the utterances to set aside.

    A batch is done again by itself. The second time, each of its utterances is done by itself.

    Args:
        task: the batches of the task.
        lacking: those of them that are not done.
        lost: batch -> how often its worker was lost; this loss is added.
    """
    smaller, aside = list[Batches](), list[Utterance]()
    for batch in lacking:
        name = " ".join(one.content for one in batch)
        lost[name] += 1
        if lost[name] < MOST_LOSSES or len(task) > 1:
            smaller.append([batch])
        elif len(batch) > 1:
            smaller += [[[one]] for one in batch]
        else:
            aside += batch
    return smaller, aside


def _lacking(jobs: Sequence[ExtractionJob], batches: Batches) -> Batches:
    """Return the batches with an utterance that a store lacks."""
    stores = [FeatureStore.open(job.store) for job in jobs]
    return [
        batch
        for batch in batches
        if any(one.content not in store for store in stores for one in batch)
    ]
