"""One pass over a corpus: every recording is decoded once for all models that need it."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import torch

from medusa.console import Advance, progress, say
from medusa.distributed.pieces import Pieces
from medusa.errors import MedusaError
from medusa.extract.encoders import out_of_memory
from medusa.extract.inputs import Utterance
from medusa.extract.passes.feature_worker import FeatureWorker
from medusa.extract.passes.plan import (
    Groups,
    SharedPlan,
    missing_groups,
    plan_concurrent_batches,
    shared_plan,
)
from medusa.extract.passes.stream import stream
from medusa.extract.passes.worker import Outcome, PassWorker, note
from medusa.extract.planning import ExtractionJob


def run_pass(
    workers: Sequence[PassWorker],
    device: str,
    batch_seconds: float | None = None,
    after_batch: Callable[[], None] = lambda: None,
    plan: SharedPlan | None = None,
) -> None:
    """Let every worker fill in the results that it lacks, and count them in its `outcome`.

    The weights of a worker are read only if it lacks a result. If the device cannot hold all
    models at the same time, they run one after the other.

    Args:
        workers: models that read the same samples, or one model that reads texts.
        device: the device of the models.
        batch_seconds: the padded seconds in a batch; by default the measured capacity of a GPU, or
            a fixed number on a CPU.
        after_batch: it is called when all workers have kept their results of a batch.
        plan: the batches of this process, if several processes share the corpus.

    Raises:
        MedusaError: the weights cannot be loaded, the results belong to other options, or the
            disk is full. An utterance that fails raises nothing: it is a line in
            `outcome.problems`.
    """
    with ExitStack() as opened:
        for worker in workers:
            worker.open()
            opened.callback(worker.close)
        groups, total = missing_groups(workers, plan)
        active = [
            worker
            for number, worker in enumerate(workers)
            if any(lacking[number] for lacking in groups)
        ]
        fits = _load(active, device)
        if fits:
            _encode_groups(workers, active, groups, total, device, batch_seconds, after_batch, plan)
    if not fits:
        say("the encoders do not fit into memory at the same time; they run one after the other")
        for worker in active:
            run_pass([worker], device, batch_seconds, after_batch, plan)
        return
    for worker in active:
        worker.outcome.clock()


def _load(workers: Sequence[PassWorker], device: str) -> bool:
    """Read the weights of all workers; return False if several do not fit into memory."""
    try:
        for worker in workers:
            worker.load(device)
    except (RuntimeError, MedusaError) as problem:
        # A loader may have wrapped the error.
        short = any(out_of_memory(one) for one in (problem, problem.__cause__))
        if not short or len(workers) == 1:
            raise
    else:
        return True
    # This comes after the except block, because a live traceback would keep the weights' memory.
    for worker in workers:
        worker.unload()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return False


def _encode_groups(
    workers: Sequence[PassWorker],
    active: Sequence[PassWorker],
    groups: Groups,
    total: int,
    device: str,
    batch_seconds: float | None,
    after_batch: Callable[[], None],
    plan: SharedPlan | None,
) -> None:
    """Go through the corpus: utterances that the same workers lack are encoded together."""
    if not groups:
        return
    missing = [one for group in groups.values() for one in group]
    seconds = {
        id(worker): batch_seconds or worker.batch_seconds(missing, device) for worker in active
    }
    names = "+".join(worker.name for worker in active)
    for worker in active:
        worker.outcome.clock()
    with progress(names, total, done=total - len(missing)) as advance:
        for lacking, todo in groups.items():
            chosen = [worker for worker, lack in zip(workers, lacking, strict=True) if lack]
            most = [seconds[id(one)] for one in chosen]
            batches = _Batches(chosen, most, device, after_batch, plan)
            batches.run(todo, advance)


class _Batches:
    """The batches of one group of utterances, for the workers that lack them.

    Args:
        workers: the models.
        seconds: the padded seconds that each model takes in one call.
        device: the device of the models.
        after_batch, plan: the arguments of `run_pass`.
    """

    def __init__(
        self,
        workers: Sequence[PassWorker],
        seconds: Sequence[float],
        device: str,
        after_batch: Callable[[], None],
        plan: SharedPlan | None,
    ) -> None:
        self.workers, self.device, self.after_batch = workers, device, after_batch
        self.shared = plan
        self.lacks = [worker.missing() for worker in workers] if plan is not None else None
        self.batch_seconds = min(seconds)  # the model with the greatest need of memory decides
        self.least_s = min(worker.least_s for worker in workers)
        # A model that pads every clip takes fewer clips in one call than other models.
        self.sizes = [
            int(most / one.least_s) if one.least_s else None
            for one, most in zip(workers, seconds, strict=True)
        ]

    def run(self, todo: Sequence[Utterance], advance: Advance) -> None:
        """Encode the utterances and keep their results."""
        plan, concurrent = plan_concurrent_batches(
            self.workers, self.device, todo, self.batch_seconds, self.least_s, self.shared
        )
        missing = {one.content for one in todo}
        for worker in self.workers:
            worker.outcome.timer.concurrent = concurrent
        rate_hz, late = self.workers[0].rate_hz, self.device.startswith("cuda")
        for batch in stream(plan, self._prepare, self._encode, rate_hz, late, concurrent):
            for utterance, results in batch:
                self._keep(utterance, results)
            for worker in self.workers:
                worker.batch_done()
            self.after_batch()
            outcomes = [worker.outcome for worker in self.workers]
            count = sum(utterance.content in missing for utterance, _ in batch)
            advance(count, note(outcomes) if rate_hz else "")

    def _prepare(self, utterance: Utterance, source: Any) -> list[Any]:
        """Return each worker's item, or the error that this worker raises for the utterance."""
        items: list[Any] = []
        for worker in self.workers:
            try:
                items.append(worker.prepare(utterance, source))
            except MedusaError as problem:
                items.append(problem)
        return items

    def _encode(self, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """Return the results of a batch: for each utterance, a result of each worker."""
        columns = [
            _encode_good(worker, [row[number] for row in rows], size)
            for number, (worker, size) in enumerate(zip(self.workers, self.sizes, strict=True))
        ]
        return [list(results) for results in zip(*columns, strict=True)]

    def _keep(self, utterance: Utterance, results: "list[Any] | MedusaError") -> None:
        """Store the results of an utterance, or record the error of a worker."""
        for number, worker in enumerate(self.workers):
            if self.lacks is not None and utterance.content not in self.lacks[number]:
                continue  # The utterance only completes a batch of a shared plan.
            result = results if isinstance(results, MedusaError) else results[number]
            problem = result if isinstance(result, MedusaError) else worker.keep(utterance, result)
            # A fault of the file has the same sentence for every worker.
            named = len(self.workers) > 1 and problem is not results
            if problem is not None:
                prefix = f"{worker.name}: " if named else ""
                worker.outcome.problems.append(prefix + utterance.failure(problem))


def _encode_good(worker: PassWorker, items: Sequence[Any], size: int | None) -> list[Any]:
    """Encode the items that are not errors, at most `size` in one call, and keep the order."""
    good = [item for item in items if not isinstance(item, MedusaError)]
    size = max(1, len(good) if size is None else size)
    parts = [good[start : start + size] for start in range(0, len(good), size)]
    encoded = iter([result for part in parts for result in worker.encode(part)])
    return [item if isinstance(item, MedusaError) else next(encoded) for item in items]


def fill_stores(
    jobs: Sequence[ExtractionJob],
    device: str,
    batch_seconds: float | None = None,
    non_finite: str = "refuse",
    pieces: Pieces | None = None,
) -> list[Outcome]:
    """Fill the stores of encoders that read the same samples, on one device.

    Args:
        jobs: the backbones, with their stores and utterances.
        device, batch_seconds: the arguments of `run_pass`.
        non_finite: the argument of `FeatureWorker`.
        pieces: the batches of this process, if several processes share the corpus.

    Returns:
        One outcome for each job.

    Raises:
        MedusaError: the errors of `run_pass`. The committed features are safe, and the same call
            goes on with the rest.
    """
    workers = [FeatureWorker(job, device, non_finite) for job in jobs]
    plan = None if pieces is None else shared_plan(workers, pieces, batch_seconds)
    run_pass(workers, device, batch_seconds, plan=plan)
    return [worker.outcome for worker in workers]
