"""Train heads, one after the other or several at once. Finished runs are left alone."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import torch

from medusa.console import say
from medusa.device import choose_devices, is_cluster
from medusa.errors import ConfigError, listed
from medusa.heads.queue.processes import in_processes
from medusa.heads.queue.train_one import attempt
from medusa.heads.spec import HeadResult, HeadSpec
from medusa.workspace import Workspace


def _ignore(result: HeadResult) -> None:
    """Do nothing with a result."""


def fit_heads(
    workspace: Workspace,
    specs: Sequence[HeadSpec],
    *,
    devices: str | Sequence[torch.device] = "auto",
    jobs: int = 1,
    on_result: Callable[[HeadResult], None] = _ignore,
) -> list[HeadResult]:
    """Train heads on the features of a workspace, and write the run of each.

    A finished run is left alone, and an interrupted run continues where it stopped. A head that
    fails does not stop the others.

    Args:
        workspace: with manifest and features.
        specs: the heads; `head_specs` makes them from a configuration, seeds and grids.
        devices: where to train: `auto`, a comma list such as `cuda:0,cuda:1`, or torch devices.
            Each device has the same number of processes. `ray` or `ray://HOST:PORT` is a Ray
            cluster with `jobs` workers.
        jobs: how many heads are trained at once, at least, each in another process. The cores
            are divided among them.
        on_result: a function that is called with each result as soon as it is known.

    Returns:
        The results, in the order of the specs. `HeadResult.problem` is set where a head failed.

    Raises:
        ConfigError: two heads have the same name.
        DeviceError: a device is unknown or unusable.
    """
    counts = Counter(spec.name for spec in specs)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise ConfigError(f"heads: {listed(twice)} twice; give every head a name of its own")
    results = dict[str, HeadResult]()
    for result in _each(workspace, specs, devices, jobs):
        results[result.spec.name] = result
        on_result(result)
    return [results[spec.name] for spec in specs]


def _each(
    workspace: Workspace,
    specs: Sequence[HeadSpec],
    devices: str | Sequence[torch.device],
    jobs: int,
) -> Iterator[HeadResult]:
    """Yield every result as soon as it is known."""
    if isinstance(devices, str):
        if is_cluster(devices):
            from medusa.heads.queue.ray_heads import train_on_ray

            yield from train_on_ray(workspace, specs, devices, jobs)
            return
        devices, _ = choose_devices(devices)
    jobs = -(-max(jobs, len(devices)) // len(devices)) * len(devices)
    if jobs > 1 and len(specs) > 1:
        yield from in_processes(workspace, specs, devices, min(jobs, len(specs)))
        return
    for number, spec in enumerate(specs):
        if len(specs) > 1:
            say(f"head {number + 1} of {len(specs)}: {spec.name}")
        yield attempt(workspace, spec, devices[0])
