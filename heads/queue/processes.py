"""Heads that are trained at once, each in another process."""

import contextlib
import io
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, islice

import torch

from medusa.children import no_orphans, one_process
from medusa.console import say
from medusa.heads.queue.live import watching
from medusa.heads.queue.train_one import attempt
from medusa.heads.spec import HeadResult, HeadSpec
from medusa.workspace import Workspace


@dataclass(frozen=True)
class _Worker:
    """A process that trains one head at a time on its device."""

    device: torch.device
    pool: ProcessPoolExecutor


class _Workers:
    """Worker processes that share the cores; one that was killed is replaced."""

    def __init__(self, pools: ExitStack, devices: Sequence[torch.device], jobs: int) -> None:
        self.pools = pools
        self.threads = max(1, (os.cpu_count() or 1) // jobs)
        self.idle = [self._start(device) for device in islice(cycle(devices), jobs)]

    def release(self, worker: _Worker, killed: bool) -> None:
        """Let a worker take the next head, or a new process in its stead."""
        self.idle.append(self._start(worker.device) if killed else worker)

    def _start(self, device: torch.device) -> _Worker:
        pool = one_process(self.threads, _set_device, (device,))
        return _Worker(device, self.pools.enter_context(pool))


def in_processes(
    workspace: Workspace, specs: Sequence[HeadSpec], devices: Sequence[torch.device], jobs: int
) -> Iterator[HeadResult]:
    """Train each head in another process, and yield its result as soon as it is known.

    A head whose process is killed is trained one more time; the other heads are not affected.
    """
    waiting = deque(specs)
    running = dict[Future[HeadResult], tuple[HeadSpec, _Worker]]()
    killed = set[str]()  # The names of heads whose process was killed.
    with ExitStack() as pools, watching() as watch, no_orphans():
        workers = _Workers(pools, devices, jobs)
        while waiting or running:
            while waiting and workers.idle:
                spec, worker = waiting.popleft(), workers.idle.pop()
                try:
                    running[worker.pool.submit(_attempt_silently, workspace, spec)] = (spec, worker)
                except BrokenProcessPool:  # It was killed while it was idle.
                    waiting.appendleft(spec)
                    workers.release(worker, killed=True)
            ended, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            watch.show(workspace.runs, len(specs) - len(waiting) - len(running), len(specs))
            for future in ended:
                spec, worker = running.pop(future)
                if not isinstance(future.exception(), BrokenProcessPool):
                    yield future.result()
                elif spec.name in killed:
                    problem = "its process was killed twice; is there too little memory?"
                    yield HeadResult(spec, problem=problem)
                else:
                    say(f"{spec.name}: its process was killed; it is trained once more")
                    waiting.append(spec)
                    killed.add(spec.name)
                workers.release(worker, killed=future.exception() is not None)


_device = torch.device("cpu")  # This is the device of a worker process.


def _set_device(device: torch.device) -> None:
    global _device
    _device = device


def _attempt_silently(workspace: Workspace, spec: HeadSpec) -> HeadResult:
    """Train one head in a worker process, without output."""
    with contextlib.redirect_stderr(io.StringIO()):
        return attempt(workspace, spec, _device)
