"""The missing utterances of a pass, its batches, and how many are encoded at the same time.

All processes cut the whole corpus into the same batches, those of one process on a CPU. A batch is
encoded as a whole even if the store has some of its utterances, because the last bits of a feature
depend on its batch. With equally many threads, the features of several processes therefore equal
those of one process.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

import torch

from medusa.distributed.pieces import Pieces
from medusa.extract.encoders import default_batch_seconds
from medusa.extract.inputs import Utterance
from medusa.extract.passes.worker import PassWorker
from medusa.extract.planning import ExtractionJob, require_room

WINDOW = 1024  # the utterances sorted at a time: many for little padding, few to commit often
EVEN = 8  # a small corpus is cut into this many batches for each slot, so that all end together
# For each worker, whether it lacks an utterance -> the utterances.
Groups = dict[tuple[bool, ...], list[Utterance]]
MAX_CONCURRENT = 4  # each batch has its own memory
LEAST_BATCHES = 2  # each slot has so many: the last batch runs alone on its share of the threads


@dataclass(frozen=True)
class SharedPlan:
    """The batches that this process encodes.

    Attributes:
        batches: the batches.
        total: the number of batches of the whole corpus, before a small corpus is cut further.
    """

    batches: Sequence[list[Utterance]]
    total: int

    def lacking(self, missing: Collection[str]) -> list[list[Utterance]]:
        """Return the batches with an utterance among the missing contents."""
        return [batch for batch in self.batches if any(one.content in missing for one in batch)]


def shared_plan(
    workers: Sequence[PassWorker], pieces: Pieces, batch_seconds: float | None
) -> SharedPlan:
    """Cut the corpus of some workers into batches, and choose those of this process.

    Args:
        workers: the models that encode each batch.
        pieces: the rule that chooses among the batches by their padded seconds.
        batch_seconds: the padded seconds in a batch; by default those of a CPU, because all
            processes need the same batches, and their GPUs may differ.
    """
    batches, costs, total = corpus_batches(workers, batch_seconds)
    return SharedPlan([batches[number] for number in pieces.choose(costs)], total)


def plan_batches(
    utterances: Sequence[Utterance],
    batch_seconds: float,
    least_s: float = 0.0,
    window: int = WINDOW,
) -> Iterator[list[Utterance]]:
    """Group utterances into padded batches of at most `batch_seconds`; the longest come first.

    Args:
        utterances: the utterances in the manifest's order.
        batch_seconds: the utterances in a batch times the longest of them, in seconds; a longer
            utterance is a batch of its own.
        least_s: the least seconds that an utterance counts.
        window: the number of neighbours that are sorted at a time.
    """
    for first in range(0, len(utterances), window):
        neighbours = sorted(utterances[first : first + window], key=lambda one: -one.seconds)
        batch: list[Utterance] = []
        for utterance in neighbours:
            longest = max(batch[0].seconds if batch else 0.0, least_s)
            if batch and (len(batch) + 1) * longest > batch_seconds:
                yield batch
                batch = []
            batch.append(utterance)
        yield batch


def even_batches(
    workers: Sequence[PassWorker],
    device: str,
    todo: Sequence[Utterance],
    batch_seconds: float,
    least_s: float,
) -> tuple[int, list[list[Utterance]]]:
    """Return how many batches of `batch_seconds` there would be, and the batches.

    Where several batches of a small corpus are encoded at the same time, they are smaller, so that
    all end together.
    """
    plan = list(plan_batches(todo, batch_seconds, least_s))
    total, concurrent = len(plan), concurrent_in_pass(workers, device, len(plan))
    if concurrent > 1 and total < EVEN * concurrent:
        smaller = batch_seconds * total / (EVEN * concurrent)
        plan = list(plan_batches(todo, smaller, least_s))
    return total, plan


def concurrent_in_pass(workers: Sequence[PassWorker], device: str, batches: int) -> int:
    """Return how many of these batches all models of a pass encode at the same time."""
    limits = [worker.concurrent(device, batches) for worker in workers]
    return min(filter(None, limits), default=1)


def corpus_batches(
    workers: Sequence[PassWorker], batch_seconds: float | None
) -> tuple[list[list[Utterance]], list[float], int]:
    """Return the batches of the whole corpus, the padded seconds of each, and `SharedPlan.total`.

    They are the batches of one process on a CPU with as many threads as this one.
    """
    least_s = min(worker.least_s for worker in workers)
    usual = min(default_batch_seconds("cpu", worker.least_s) for worker in workers)
    wanted = {one.content: one for worker in workers for one in worker.utterances}
    whole = list(wanted.values())
    total, batches = even_batches(workers, "cpu", whole, batch_seconds or usual, least_s)
    batches = [batch for batch in batches if batch]
    return batches, [len(batch) * max(batch[0].seconds, least_s) for batch in batches], total


def missing_groups(workers: Sequence[PassWorker], plan: SharedPlan | None) -> tuple[Groups, int]:
    """Return the utterances, grouped by the workers that lack them, and the number of all.

    The batches of a shared plan stay whole, and are therefore one group.

    Raises:
        MedusaError: the disk cannot hold the missing results.
    """
    wanted = {one.content: one for worker in workers for one in worker.utterances}
    if plan is not None:
        wanted = {one.content: one for batch in plan.batches for one in batch}
    lacks = [worker.missing() & wanted.keys() for worker in workers]
    groups: Groups = {}
    for content, utterance in wanted.items():
        lacking = tuple(content in lack for lack in lacks)
        if any(lacking):
            key = lacking if plan is None else tuple(map(bool, lacks))
            groups.setdefault(key, []).append(utterance)
    needed = sum(
        worker.bytes_of([wanted[content] for content in lack])
        for worker, lack in zip(workers, lacks, strict=True)
    )
    first = workers[0].output
    require_room(first if len(workers) == 1 else first.parent, needed)
    return groups, len(wanted)


def plan_concurrent_batches(
    workers: Sequence[PassWorker],
    device: str,
    todo: Sequence[Utterance],
    batch_seconds: float,
    least_s: float,
    shared: SharedPlan | None = None,
) -> tuple[list[list[Utterance]], int]:
    """Return the batches of these utterances, and how many of them to encode at the same time.

    Args:
        workers: the models that encode each batch.
        device: the device of the models.
        todo, batch_seconds, least_s: the arguments of `plan_batches`.
        shared: the batches of this process, if several share a corpus. A GPU cuts them again.
    """
    if shared is not None and device == "cpu":
        batches = shared.lacking({one.content for one in todo})
        return batches, concurrent_in_pass(workers, device, shared.total)
    first, plan = even_batches(workers, device, todo, batch_seconds, least_s)
    return plan, concurrent_in_pass(workers, device, first)


def concurrent_batches(job: ExtractionJob, device: str, batches: int) -> int:
    """Return how many batches of a job to encode at the same time: several on a CPU, else one.

    It is also one if the threads would disturb each other. This concerns compiled models, and
    versions of transformers before `output_capturing`, which change a model while it runs. It is 0
    for signal features: they have no network, and leave the number to the networks of their pass.
    """
    if not job.backbone.n_layers:
        return 0
    alone = device != "cpu" or job.compiled
    if alone or find_spec("transformers.utils.output_capturing") is None:
        return 1
    return max(1, min(MAX_CONCURRENT, torch.get_num_threads(), batches // LEAST_BATCHES))


@contextmanager
def split_threads(parts: int) -> Iterator[Callable[[], None]]:
    """Yield a function; each of `parts` threads calls it first to take its share of the CPU."""
    before = torch.get_num_threads()
    try:
        yield lambda: torch.set_num_threads(max(1, before // parts))
    finally:
        torch.set_num_threads(before)
