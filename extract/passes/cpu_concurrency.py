"""Several batches go through one model at the same time, each on its share of the CPU's threads.

Small matrix products and element-wise operations cannot keep two threads busy. Two concurrent
batches can.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

import torch

from medusa.extract.inputs import Utterance
from medusa.extract.passes.shared_plan import SharedPlan, concurrent_in_pass, even_batches
from medusa.extract.passes.worker import PassWorker
from medusa.extract.planning import ExtractionJob

MAX_CONCURRENT = 4  # each batch has its own memory
LEAST_BATCHES = 2  # each slot has so many: the last batch runs alone on its share of the threads


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
