"""Several batches through one model at once, each on its share of the CPU's threads.

Small products and what is done element by element do not fill two threads; two batches do.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

import torch

from medusa.extract.inputs.batches import Utterance, batches
from medusa.extract.planning.jobs import Job

MOST = 4  # each batch has its own memory
LEAST_BATCHES = 2  # for each of those at once: the last one has no neighbour, and a share alone
EVEN = 8  # a small corpus is cut into so many for each, so that little is left of the last one


def divided(
    jobs: Sequence[Job],
    device: str,
    todo: Sequence[Utterance],
    budget_s: float,
    least_s: float,
) -> tuple[list[list[Utterance]], int]:
    """Return the batches of these utterances, and how many of them to encode at once.

    Args:
        jobs: whose encoders get each batch.
        device: of the encoders.
        todo, budget_s, least_s: as `plan.batches` takes them.
    """
    plan = list(batches(todo, budget_s, least_s))
    several = min(at_once(job, device, len(plan)) for job in jobs)
    if several > 1 and len(plan) < EVEN * several:
        plan = list(batches(todo, budget_s * len(plan) / (EVEN * several), least_s))
    return plan, several


def at_once(job: Job, device: str, batches: int) -> int:
    """Return how many batches of a job to encode at once: several on a CPU, else one.

    One, too, where the model's threads would meet: what is compiled, and transformers that take
    hidden states by changing the model while it runs (before `output_capturing`).
    """
    alone = device != "cpu" or job.compiled or not job.backbone.n_layers
    if alone or find_spec("transformers.utils.output_capturing") is None:
        return 1
    return max(1, min(MOST, torch.get_num_threads(), batches // LEAST_BATCHES))


@contextmanager
def shares(of: int) -> Iterator[Callable[[], None]]:
    """Give what each of so many threads calls first, to take its share of the CPU's threads."""
    before = torch.get_num_threads()
    try:
        yield lambda: torch.set_num_threads(max(1, before // of))
    finally:
        torch.set_num_threads(before)
