"""Tasks on the workers of a Ray cluster; a task whose worker is lost is done by another one."""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

from medusa.console import say
from medusa.device import is_cluster
from medusa.errors import ConfigError, MedusaError
from medusa.foreign import foreign

Task = TypeVar("Task")
MOST_FAILED_STARTS, MOST_LOSSES = 3, 2
LOST = "its worker was lost twice"


def on_workers(
    address: str,
    count: int,
    worker: type,
    arguments: Sequence[object],
    tasks: Sequence[Task],
    after_loss: Callable[[Task], Sequence[Task]],
) -> Iterator[Any]:
    """Let actors of a Ray cluster do some tasks, and yield each result.

    Ray places the actors. A lost actor is replaced as soon as the cluster has room for another one.

    Args:
        address: `ray`, for the cluster of `RAY_ADDRESS` or a new one on this machine; or
            `ray://HOST:PORT`.
        count: the number of actors; each takes the same part of the CPUs and GPUs.
        worker, arguments: the class of the actors, with a method `run(task)`, and the arguments of
            its constructor.
        tasks: the tasks, the longest first.
        after_loss: returns the tasks in place of a task whose actor was lost.

    Raises:
        MedusaError: Ray is not installed, no actor can start, or a task raises an error.
    """
    with connected(address) as ray:
        actors = _Actors(ray, count, worker, arguments)
        try:
            yield from actors.run(tasks, after_loss)
        finally:
            actors.end()


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect this process to a cluster inside the block, and yield the module ray.

    A process that is connected already keeps its connection.

    Raises:
        MedusaError: Ray is not installed, or the cluster cannot be reached.
    """
    ray = _ray(address)
    if ray.is_initialized():
        yield ray
        return
    # Without a place, Ray would join whatever cluster this machine has.
    usual = None if "RAY_ADDRESS" in os.environ else "local"
    where = usual if address == "ray" else address
    start: Any = ray.init
    with foreign(MedusaError, lambda reason: f"{address}: the cluster cannot be reached: {reason}"):
        start(
            where,
            log_to_driver=False,
            logging_level=logging.ERROR,
            include_dashboard=False if where == "local" else None,
        )
    try:
        yield ray
    finally:
        ray.shutdown()


def connection(device: str) -> AbstractContextManager[Any]:
    """Return a connection that several calls of `on_workers` share, if a cluster is named."""
    return connected(device) if is_cluster(device) else nullcontext()


class _Actors:
    """The actors of one command. An actor gets a task when it has started."""

    def __init__(self, ray: Any, count: int, worker: type, arguments: Sequence[object]) -> None:
        self.ray, self.failed = ray, 0
        resources = ray.cluster_resources()
        cpus = max(1, int(resources.get("CPU", 1)) // count)
        gpus = _gpus_of_each(int(resources.get("GPU", 0)), count)
        remote = ray.remote(worker).options(num_cpus=cpus, num_gpus=gpus, max_restarts=0)
        self.create: Any = remote.remote
        self.arguments = (*arguments, cpus)
        self.busy: dict[Any, tuple[Any, Any]] = {}  # the future -> the actor and its task
        self.started: list[Any] = []
        for _ in range(count):
            self._start()

    def _start(self) -> None:
        actor = self.create(*self.arguments)
        self.busy[actor.ready.remote()] = actor, None
        self.started.append(actor)

    def end(self) -> None:
        """End all actors, so that the cluster has their CPUs and GPUs again."""
        for actor in self.started:
            self.ray.kill(actor)

    def run(
        self, tasks: Sequence[Task], after_loss: Callable[[Task], Sequence[Task]]
    ) -> Iterator[Any]:
        """Yield the results of all tasks."""
        waiting, idle = deque(tasks), deque[Any]()
        while waiting or any(task is not None for _, task in self.busy.values()):
            while waiting and idle:
                actor, task = idle.popleft(), waiting.popleft()
                self.busy[actor.run.remote(task)] = actor, task
            (done,), _ = self.ray.wait(list(self.busy), num_returns=1)
            actor, task = self.busy.pop(done)
            result, lost = self._result(done)
            if not lost:
                idle.append(actor)
                if task is not None:
                    yield result
                continue
            self._start()
            if task is None:
                self._count_failed_start(lost)
            else:
                say("a worker was lost; its work is done again")
                waiting.extend(after_loss(task))

    def _result(self, done: Any) -> tuple[Any, str]:
        """Return the result of a future, or the reason why its actor was lost."""
        kinds = self.ray.exceptions
        try:
            return self.ray.get(done), ""
        except (kinds.RayActorError, kinds.WorkerCrashedError, kinds.NodeDiedError) as problem:
            return None, str(problem)
        except kinds.RayTaskError as problem:
            raise (problem.cause or problem) from problem

    def _count_failed_start(self, reason: str) -> None:
        self.failed += 1
        if self.failed >= MOST_FAILED_STARTS:
            last = reason.strip().splitlines()[-1]
            raise MedusaError(f"Ray: {self.failed} workers could not start: {last}")


def _gpus_of_each(gpus: int, count: int) -> float:
    """Return the GPUs of each of `count` actors: one, or a fraction that lets all of them start."""
    return min(1.0, 1 / -(-count // gpus)) if gpus else 0.0


def _ray(address: str) -> Any:
    """Return the module ray, after a check of the address."""
    if not is_cluster(address):
        raise ConfigError(f"on={address}: expected ray or ray://HOST:PORT")
    try:
        import ray
        import ray.exceptions
    except ImportError as problem:
        raise ConfigError(
            f"{address}: Ray is not installed; run `pip install 'medusa-ser[ray]'`"
        ) from problem
    return ray
