"""Heads to train, one after the other or several at once; finished runs are left alone."""

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
from medusa.heads.queue.spec import HeadResult, HeadSpec
from medusa.heads.queue.train_one import attempt
from medusa.workspace import Workspace


def train_all(
    workspace: Workspace,
    specs: Sequence[HeadSpec],
    devices: Sequence[torch.device],
    jobs: int = 1,
) -> Iterator[HeadResult]:
    """Train the head of each spec and yield its result as soon as it is finished.

    A head that fails does not stop the others; its result has the problem.

    Args:
        workspace: with manifest and features.
        specs: the heads.
        devices: where to train; each device has the same number of processes.
        jobs: how many processes run at once, at least; the cores are divided among them.
    """
    jobs = -(-max(jobs, len(devices)) // len(devices)) * len(devices)
    if jobs <= 1 or len(specs) <= 1:
        for number, spec in enumerate(specs):
            if len(specs) > 1:
                say(f"head {number + 1} of {len(specs)}: {spec.title}")
            yield attempt(workspace, spec, devices[0])
    else:
        yield from _in_processes(workspace, specs, devices, min(jobs, len(specs)))


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


def _in_processes(
    workspace: Workspace, specs: Sequence[HeadSpec], devices: Sequence[torch.device], jobs: int
) -> Iterator[HeadResult]:
    """Train each head in another process; a process that the system kills costs its head alone."""
    waiting = deque(specs)
    running = dict[Future[HeadResult], tuple[HeadSpec, _Worker]]()
    killed = set[str]()  # titles of heads whose process was killed once
    with ExitStack() as pools, watching() as watch, no_orphans():
        workers = _Workers(pools, devices, jobs)
        while waiting or running:
            while waiting and workers.idle:
                spec, worker = waiting.popleft(), workers.idle.pop()
                try:
                    running[worker.pool.submit(_attempt_silently, workspace, spec)] = (spec, worker)
                except BrokenProcessPool:  # it was killed while it had nothing to do
                    waiting.appendleft(spec)
                    workers.release(worker, killed=True)
            ended, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            watch.show(workspace.runs, len(specs) - len(waiting) - len(running), len(specs))
            for future in ended:
                spec, worker = running.pop(future)
                if not isinstance(future.exception(), BrokenProcessPool):
                    yield future.result()
                elif spec.title in killed:
                    problem = "its process was killed twice; is there too little memory?"
                    yield HeadResult(spec, problem=problem)
                else:
                    say(f"{spec.title}: its process was killed; it is trained once more")
                    waiting.append(spec)
                    killed.add(spec.title)
                workers.release(worker, killed=future.exception() is not None)


_device = torch.device("cpu")  # the device of a worker process


def _set_device(device: torch.device) -> None:
    global _device
    _device = device


def _attempt_silently(workspace: Workspace, spec: HeadSpec) -> HeadResult:
    """Train one head in a worker process, without output."""
    with contextlib.redirect_stderr(io.StringIO()):
        return attempt(workspace, spec, _device)
