"""`medusa fit-head --profile`: where a training step goes."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.autograd.profiler_util import FunctionEventAvg
from torch.profiler import ProfilerActivity

from medusa.console import say, table
from medusa.errors import MedusaError
from medusa.heads.examples.join import Rows
from medusa.heads.fitting.fit import Job, make
from medusa.heads.networks.discriminant import CLOSED_FORM
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.training.loop import Trainer

WARM, STEPS = 3, 20
PARTS = ("waiting for data", "forward", "loss", "backward", "optimiser")
MOST = 12  # operations that are shown


class ProfileError(MedusaError):
    """A head that takes no steps."""


@dataclass(frozen=True)
class Profile:
    """Seconds of one step, on average.

    Attributes:
        step: by the clock.
        parts: of `PARTS`, as the host sees them: on a GPU, how long it takes to start the work.
        operations: name, seconds on the device (elsewhere on the CPU), calls; the longest first.
        utterances_per_s: of the measured steps.
    """

    step: float
    parts: dict[str, float]
    operations: list[tuple[str, float, float]]
    utterances_per_s: float


def profile(job: Job, device: torch.device, trace: Path) -> Profile:
    """Take 20 steps of the first stage after 3 warm ones, keep nothing but a trace of them.

    Args:
        job: the head, as it would be trained.
        device: where.
        trace: this file is written; chrome://tracing and ui.perfetto.dev show it.

    Raises:
        ProfileError: the head is not trained by steps.
    """
    if job.config.head.name in CLOSED_FORM:
        raise ProfileError(f"--profile: a {job.config.head.name} takes no steps; leave it out")
    with tempfile.TemporaryDirectory() as folder:
        trainer = make(job.examples, job.config, RunDir(Path(folder)), device)
        batches = endless(trainer)
        take(trainer, [next(batches) for _ in range(WARM)])
        measured = [next(batches) for _ in range(STEPS)]
        kinds = [ProfilerActivity.CPU]
        kinds += [ProfilerActivity.CUDA] if device.type == "cuda" else []
        with torch.profiler.profile(activities=kinds) as found:
            began = time.monotonic()
            take(trainer, measured)
            seconds = time.monotonic() - began
    trace.parent.mkdir(parents=True, exist_ok=True)
    found.export_chrome_trace(str(trace))
    averages = list(found.key_averages())
    # on a GPU a part has a second entry of the same name, for what it started there
    host = {one.key: one for one in averages if one.device_type.name == "CPU"}
    parts = {name: host[name].cpu_time_total / STEPS / 1e6 for name in PARTS}
    rate = sum(len(batch) for batch in measured) / seconds
    return Profile(seconds / STEPS, parts, operations(averages, device), rate)


def endless(trainer: Trainer) -> Iterator[Rows]:
    """Yield batches of the first stage, epoch after epoch."""
    while True:
        yield from trainer.batches(trainer.config.stages[0])


def take(trainer: Trainer, batches: list[Rows]) -> None:
    """Take these steps, and wait for the device."""
    stage = trainer.config.stages[0]
    trainer.take(stage, trainer.corpus(stage), batches, len(batches))
    trainer.at.step, trainer.at.sums = 0, {}
    if trainer.device.type == "cuda":
        torch.cuda.synchronize(trainer.device)


def operations(
    found: list[FunctionEventAvg], device: torch.device
) -> list[tuple[str, float, float]]:
    """Return the operations that take most by themselves: name, seconds and calls a step."""
    own = "self_device_time_total" if device.type == "cuda" else "self_cpu_time_total"
    # an operation and the kernels it started have both the kernels' time; the operation is kept
    here = [one for one in found if one.device_type.name == "CPU" and one.key not in PARTS]
    kept = [one for one in here if getattr(one, own) > 0]
    kept.sort(key=lambda one: -getattr(one, own))
    return [
        (str(one.key), getattr(one, own) / STEPS / 1e6, one.count / STEPS) for one in kept[:MOST]
    ]


def show(found: Profile, trace: Path) -> None:
    """Print both tables and where the trace is."""
    rest = found.step - sum(found.parts.values())
    parts = [*found.parts.items(), ("else", rest)]
    title = f"a step: {found.step * 1000:.1f} ms, {found.utterances_per_s:.0f} utterances/s"
    header = ["", "ms", "share"]
    table(header, [_row(name, value, found) for name, value in parts], title)
    rows = [(*_row(name, value, found), round(calls, 1)) for name, value, calls in found.operations]
    table(["operation, by itself", "ms", "share", "calls"], rows, "the longest operations")
    say(f"{trace}: the trace of {STEPS} steps, for ui.perfetto.dev or chrome://tracing")


def _row(name: str, seconds: float, found: Profile) -> tuple[str, float, str]:
    return name, seconds * 1000, f"{seconds / found.step:.0%}"
