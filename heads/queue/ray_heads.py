"""Heads that the workers of a Ray cluster train, each on a part of the CPUs and GPUs."""

import contextlib
import io
from collections import Counter
from collections.abc import Iterator, Sequence

from medusa.device import choose_device
from medusa.distributed.ray_workers import LOST, MOST_LOSSES, on_workers
from medusa.heads.queue.train_one import attempt
from medusa.heads.spec import HeadResult, HeadSpec
from medusa.workspace import Workspace


class RayTrainer:
    """An actor that trains one head at a time.

    Args:
        workspace: the workspace, whose folder is at the same path on every node.
        threads: the number of CPUs of the actor.
    """

    def __init__(self, workspace: Workspace, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.workspace, self.device = workspace, choose_device("auto")[0]

    def ready(self) -> None:
        """Return when the actor has started."""

    def run(self, spec: HeadSpec) -> HeadResult:
        """Train one head without output."""
        with contextlib.redirect_stderr(io.StringIO()):
            return attempt(self.workspace, spec, self.device)


def train_on_ray(
    workspace: Workspace, specs: Sequence[HeadSpec], address: str, count: int
) -> Iterator[HeadResult]:
    """Train heads on workers of a cluster, and yield each result as soon as it is known.

    A head whose worker is lost continues on another worker, one time.

    Args:
        workspace, specs: the arguments of `fit_heads`.
        address, count: the cluster, and the number of workers; see `on_workers`.

    Raises:
        MedusaError: the errors of `on_workers`.
    """
    lost, failed = Counter[str](), list[HeadResult]()

    def after_loss(spec: HeadSpec) -> list[HeadSpec]:
        lost[spec.name] += 1
        if lost[spec.name] < MOST_LOSSES:
            return [spec]
        problem = f"{LOST}; is there too little memory?"
        failed.append(HeadResult(spec, problem=problem))
        return []

    count = min(count, len(specs))
    if specs:
        yield from on_workers(address, count, RayTrainer, (workspace,), specs, after_loss)
    yield from failed
