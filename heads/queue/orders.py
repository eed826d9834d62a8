"""Heads to train, one after the other or several at once; what is finished is left alone."""

import contextlib
import io
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle, islice

import torch

from medusa.children import no_orphans, one_process
from medusa.console import progress, say
from medusa.errors import MedusaError
from medusa.heads.config import Config
from medusa.heads.fitting.fit import Job, fit, prepare, tries
from medusa.heads.queue.live import watching
from medusa.heads.runs.run_dir import RunDir, digest_of, new_run
from medusa.workspace import Workspace


@dataclass(frozen=True)
class Order:
    """One head to train.

    Attributes:
        title: what messages call it.
        name: its run's; `{digest}` (of everything it depends on) is filled in.
        config, backbones, text, drop_missing, beside: as `fit.prepare` takes them.
        force: train again, replacing the run.
    """

    title: str
    name: str
    config: Config
    backbones: tuple[str, ...] = ()
    text: str | None = None
    drop_missing: bool = False
    beside: tuple[str, ...] = ()
    force: bool = False


@dataclass(frozen=True)
class Done:
    """What became of an order: its run, or the problem; whether it was trained now."""

    order: Order
    run: str = ""
    problem: str = ""
    fresh: bool = False
    notes: tuple[str, ...] = ()


def train_all(
    place: Workspace, orders: Sequence[Order], devices: Sequence[torch.device], jobs: int = 1
) -> Iterator[Done]:
    """Train each order's head and tell about it as soon as it is done; problems do not stop it.

    Args:
        place: the workspace.
        orders: the heads.
        devices: where to train; of several, each has as many processes as the others.
        jobs: at least so many processes at once, the cores divided among them.
    """
    jobs = -(-max(jobs, len(devices)) // len(devices)) * len(devices)
    if jobs <= 1 or len(orders) <= 1:
        for number, order in enumerate(orders):
            if len(orders) > 1:
                say(f"head {number + 1} of {len(orders)}: {order.title}")
            yield attempt(place, order, devices[0])
    else:
        yield from _several(place, orders, devices, jobs)


def attempt(place: Workspace, order: Order, device: torch.device) -> Done:
    """Train one head; a problem that is the user's to mend is part of the answer."""
    try:
        return train_one(place, order, device)
    except MedusaError as problem:
        return Done(order, problem=str(problem))


def train_one(place: Workspace, order: Order, device: torch.device) -> Done:
    """Train one head, or find that it is there.

    Raises:
        MedusaError: whatever keeps it from being trained.
    """
    asked = (order.backbones, order.text, order.drop_missing, order.beside)
    job = prepare(place, order.config, *asked)
    run = _run_of(place, order, job)
    fresh = not (run.finished and not order.force) and run.start(job.record, order.force)
    if fresh:
        used = " + ".join(store.spec.backbone for store, _ in job.chosen)
        say(f"{run.name}: {used}, {len(job.examples.ids)} utterances, on {device}")
        with progress(run.name, tries(order.config), "epoch") as advance:
            fit(job, run, device, advance)
    elif not run.start(job.record):  # also checks that it is the run that was asked for
        say(f"{run.name}: finished already, nothing to do (--force trains again)")
    return Done(order, run.name, fresh=fresh, notes=tuple(job.notes))


def _run_of(place: Workspace, order: Order, job: Job) -> RunDir:
    """Return the order's run; one of the same content under another name will do."""
    if "{digest}" not in order.name:
        return new_run(place.runs, order.name)
    digest = digest_of(job.record)[:12]
    for other in sorted(place.runs.glob(f"*.{digest}")):
        if RunDir(other).finished:
            return RunDir(other)
    return new_run(place.runs, order.name.replace("{digest}", digest))


@dataclass(frozen=True)
class _Worker:
    """A process that trains one head at a time on its device."""

    device: torch.device
    pool: ProcessPoolExecutor


def _several(
    place: Workspace, orders: Sequence[Order], devices: Sequence[torch.device], jobs: int
) -> Iterator[Done]:
    """Train in processes of their own; one that the system kills costs its head alone."""
    jobs = min(jobs, len(orders))
    threads = max(1, (os.cpu_count() or 1) // jobs)
    coming, running, lost = deque(orders), dict[Future[Done], tuple[Order, _Worker]](), set[str]()
    with ExitStack() as pools, watching() as watch, no_orphans():

        def start(device: torch.device) -> _Worker:
            return _Worker(device, pools.enter_context(one_process(threads, _begin, (device,))))

        idle = [start(device) for device in islice(cycle(devices), jobs)]
        while coming or running:
            while coming and idle:
                order, worker = coming.popleft(), idle.pop()
                try:
                    running[worker.pool.submit(_apart, place, order)] = (order, worker)
                except BrokenProcessPool:  # killed while it had nothing to do
                    coming.appendleft(order)
                    idle.append(start(worker.device))
            ended, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            watch.show(place.runs, len(orders) - len(coming) - len(running), len(orders))
            for one in ended:
                order, worker = running.pop(one)
                if not isinstance(one.exception(), BrokenProcessPool):
                    yield one.result()
                elif order.title in lost:
                    yield Done(order, problem="its process was killed twice; is memory short?")
                else:
                    say(f"{order.title}: its process was killed; once more")
                    coming.append(order)
                    lost.add(order.title)
                idle.append(start(worker.device) if one.exception() else worker)


_device = torch.device("cpu")  # of a worker process


def _begin(device: torch.device) -> None:
    global _device
    _device = device


def _apart(place: Workspace, order: Order) -> Done:
    """Train one head in a process of its own, silently."""
    with contextlib.redirect_stderr(io.StringIO()):
        return attempt(place, order, _device)


@contextmanager
def one_thread() -> Iterator[None]:
    """For models so small that more threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
