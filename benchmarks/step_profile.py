"""Measure where the time of a training step goes, on the features of a workspace.

    python benchmarks/step_profile.py WORKSPACE [--config small] [--set head.width=128 ...]

It takes 23 steps of the first stage, prints the parts of a step and its longest operations, and
writes the trace of 20 steps.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.autograd.profiler_util import FunctionEventAvg
from torch.profiler import ProfilerActivity

from medusa.console import say, show_progress, table
from medusa.device import choose_device
from medusa.errors import MedusaError
from medusa.heads.config import load
from medusa.heads.examples.join import Rows
from medusa.heads.fitting.fit import HeadJob, prepare
from medusa.heads.fitting.fitters import make_fitter
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.heads.training.loop import Trainer
from medusa.workspace import Workspace

WARM, STEPS = 3, 20
PARTS = ("waiting for data", "forward", "loss", "backward", "optimiser")
LONGEST = 12  # the number of operations that are shown


@dataclass(frozen=True)
class StepProfile:
    """Seconds of one step, on average.

    Attributes:
        step: the seconds of a step by the clock.
        parts: seconds of each of `PARTS` on the processor. On a GPU this is the time that it
            takes to start the work.
        operations: name, seconds on the device (elsewhere on the CPU) and calls; longest first.
        utterances_per_s: the speed in the measured steps.
    """

    step: float
    parts: dict[str, float]
    operations: list[tuple[str, float, float]]
    utterances_per_s: float


def profile(job: HeadJob, device: torch.device, trace: Path) -> StepProfile:
    """Take 20 steps of the first stage after 3 warm steps, and keep nothing but their trace.

    Args:
        job: the head, as it would be trained.
        device: where to compute.
        trace: this file is written; chrome://tracing and ui.perfetto.dev show it.

    Raises:
        MedusaError: the head is not trained by steps.
    """
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_fitter(job.examples, job.spec.config, RunDir(Path(folder)), device)
        if not isinstance(trainer, Trainer):
            name = job.spec.config.head.name
            raise MedusaError(f"a {name} takes no training steps; profile another head")
        batches = endless(trainer)
        take(trainer, [next(batches) for _ in range(WARM)])
        measured = [next(batches) for _ in range(STEPS)]
        kinds = [ProfilerActivity.CPU]
        kinds += [ProfilerActivity.CUDA] if device.type == "cuda" else []
        with torch.profiler.profile(activities=kinds) as profiler:
            began = time.monotonic()
            take(trainer, measured)
            seconds = time.monotonic() - began
    trace.parent.mkdir(parents=True, exist_ok=True)
    profiler.export_chrome_trace(str(trace))
    averages = list(profiler.key_averages())
    # On a GPU, a part has a second entry of the same name for the work that it started there.
    on_cpu = {event.key: event for event in averages if event.device_type.name == "CPU"}
    parts = {name: on_cpu[name].cpu_time_total / STEPS / 1e6 for name in PARTS}
    rate = sum(len(batch) for batch in measured) / seconds
    return StepProfile(seconds / STEPS, parts, operations(averages, device), rate)


def endless(trainer: Trainer) -> Iterator[Rows]:
    """Yield batches of the first stage, epoch after epoch."""
    while True:
        yield from trainer.draw_batches(trainer.config.stages[0])


def take(trainer: Trainer, batches: list[Rows]) -> None:
    """Take these steps, and wait for the device."""
    stage = trainer.config.stages[0]
    trainer.take(stage, trainer.statistics(stage), batches, len(batches))
    trainer.state.step, trainer.state.sums = 0, {}
    if trainer.device.type == "cuda":
        torch.cuda.synchronize(trainer.device)


def operations(
    averages: list[FunctionEventAvg], device: torch.device
) -> list[tuple[str, float, float]]:
    """Return the longest operations: name, seconds and calls a step, without what they call."""
    self_time = "self_device_time_total" if device.type == "cuda" else "self_cpu_time_total"
    # An operation and its kernels both have the kernels' time. The operation is kept.
    events = [
        event
        for event in averages
        if event.device_type.name == "CPU" and event.key not in PARTS
        if getattr(event, self_time) > 0
    ]
    events.sort(key=lambda event: -getattr(event, self_time))
    return [
        (str(event.key), getattr(event, self_time) / STEPS / 1e6, event.count / STEPS)
        for event in events[:LONGEST]
    ]


def show(measured: StepProfile, trace: Path) -> None:
    """Print both tables and where the trace is."""
    rest = measured.step - sum(measured.parts.values())
    parts = [*measured.parts.items(), ("everything else", rest)]
    title = f"a step: {measured.step * 1000:.1f} ms, {measured.utterances_per_s:.0f} utterances/s"
    header = ["", "ms", "share"]
    table(header, [_row(name, seconds, measured) for name, seconds in parts], title)
    rows = [
        (*_row(name, seconds, measured), round(calls, 1))
        for name, seconds, calls in measured.operations
    ]
    header = ["operation, without those it calls", "ms", "share", "calls"]
    table(header, rows, "the longest operations")
    say(f"{trace}: the trace of {STEPS} steps, for ui.perfetto.dev or chrome://tracing")


def _row(name: str, seconds: float, measured: StepProfile) -> tuple[str, float, str]:
    return name, seconds * 1000, f"{seconds / measured.step:.0%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--config", default="small")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--trace", type=Path, default=Path("trace.json"))
    options = parser.parse_args()
    spec = HeadSpec("profile", load(options.config, tuple(options.set)))
    job = prepare(Workspace.open(options.workspace), spec)
    device, _ = choose_device(options.device)
    with show_progress():
        show(profile(job, device, options.trace), options.trace)


if __name__ == "__main__":
    main()
