"""One encoder over a corpus: read, encode in batches, append to the store until it is full."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from medusa.cache import StoreWriter
from medusa.console import Advance, progress
from medusa.errors import MedusaError, WriteError
from medusa.extract.encoders import (
    ComputeTimer,
    Encoded,
    frames_averaged,
    reduce_and_offload,
    with_autocast,
)
from medusa.extract.inputs import Utterance
from medusa.extract.passes import calibration
from medusa.extract.passes.cpu_concurrency import plan_concurrent_batches
from medusa.extract.passes.stream import sentence, stream
from medusa.extract.planning import ExtractionJob, check_room

LIBRARIES = ("medusa-ser", "torch", "transformers", "openai-whisper", "soundfile", "soxr")


@dataclass
class Outcome:
    """What one run of the loop added to a store.

    Attributes:
        utterances, seconds, frames: how much was added.
        elapsed_s: the time to the last byte on disk, without the loading of the weights.
        timer: the part of that time in which the model ran.
        problems: one sentence for every utterance that could not be encoded.
        began: when the run began, by the monotonic clock.
    """

    utterances: int = 0
    seconds: float = 0.0
    frames: int = 0
    elapsed_s: float = 0.0
    timer: ComputeTimer = field(default_factory=ComputeTimer)
    problems: list[str] = field(default_factory=list)
    began: float | None = None

    def clock(self) -> None:
        """Let `elapsed_s` be the time since the first call."""
        now = time.monotonic()
        self.began = now if self.began is None else self.began
        self.elapsed_s = now - self.began

    @classmethod
    def of_processes(cls, parts: "Sequence[Outcome]") -> "Outcome":
        """Return the sum of several processes' outcomes; the timer is the mean of their devices."""
        timer = ComputeTimer()
        timer.known_s = sum(one.timer.seconds for one in parts) / len(parts)
        return cls(
            utterances=sum(one.utterances for one in parts),
            seconds=sum(one.seconds for one in parts),
            frames=sum(one.frames for one in parts),
            elapsed_s=max(one.elapsed_s for one in parts),
            timer=timer,
            problems=[problem for one in parts for problem in one.problems],
        )


def extract(
    job: ExtractionJob,
    device: str,
    batch_seconds: float | None,
    non_finite: str = "refuse",
    line: Any = progress,
) -> Outcome:
    """Encode the utterances that the store lacks; those that cannot be encoded are reported.

    Args:
        job: from `plan_jobs`. Its weights are loaded only if something is missing.
        device: where the encoder runs.
        batch_seconds: padded seconds in a batch; None: as many as the device is measured to take.
        non_finite: as `StoreWriter` takes it: `refuse` an utterance that overflows, or `clamp` it.
        line: shows the progress, as `console.progress` does.

    Raises:
        MedusaError: the weights cannot be loaded, the store is of another spec, the disk is full.
    """
    outcome = Outcome()
    with StoreWriter(
        job.store, job.spec, provenance(device, job.backbone.source), non_finite
    ) as writer:
        wanted = {one.content: one for one in job.utterances}
        todo = [wanted[content] for content in writer.missing(wanted)]
        if todo:
            check_room((job, todo))
            encoder = job.load(device)
            done = len(wanted) - len(todo)
            with line(job.spec.backbone, len(wanted), done=done) as advance:
                encode = with_autocast(encoder.encode, job.backbone, device)
                rate_hz, least_s = job.backbone.rate_hz or 0, job.backbone.least_s
                seconds = batch_seconds or calibration.measured_batch_seconds(
                    todo, encoder.prepare, encode, rate_hz, device, least_s
                )
                plan, concurrent = plan_concurrent_batches([job], device, todo, seconds, least_s)
                outcome.timer.concurrent = concurrent
                encode = reduce_and_offload(
                    encode, job.spec.reduce, device, outcome.timer, frames_averaged(job.backbone)
                )
                late = device.startswith("cuda")
                batches = stream(plan, encoder.prepare, encode, rate_hz, late, concurrent)
                _fill(writer, batches, bool(rate_hz), outcome, advance)
    outcome.clock()
    return outcome


def provenance(device: str, source: str) -> dict[str, object]:
    """Return the facts that may change the last digits of a feature, but are not its identity."""
    return {
        "device": device,
        "source": source,
        "versions": {name: version(name) for name in LIBRARIES},
    }


def _fill(
    writer: StoreWriter,
    batches: Iterable[list[tuple[Utterance, Encoded | MedusaError]]],
    is_audio: bool,
    outcome: Outcome,
    advance: Advance,
) -> None:
    outcome.clock()
    for batch in batches:
        for utterance, encoded in batch:
            problem = store(writer, utterance, encoded, outcome)
            if problem:
                outcome.problems.append(sentence(utterance, problem))
        outcome.clock()
        advance(len(batch), note(outcome) if is_audio else "")


def store(
    writer: StoreWriter, utterance: Utterance, encoded: Encoded | MedusaError, outcome: Outcome
) -> MedusaError | None:
    """Append an utterance's features; return the error that concerns it alone."""
    if isinstance(encoded, MedusaError):
        return encoded
    encoded.ready()
    values = encoded.values.numpy()
    try:
        writer.append(utterance.content, values, encoded.flags)
    except WriteError as problem:  # a full disk is another error, and ends the run
        return problem
    outcome.utterances += 1
    outcome.seconds += utterance.seconds
    outcome.frames += values.shape[1]
    return None


def note(*outcomes: Outcome) -> str:
    """Return how much audio was encoded, how fast, and how busy the model was (or the models)."""
    first = outcomes[0]
    elapsed_s = max(first.elapsed_s, 1e-9)
    busy_s = sum(one.timer.seconds for one in outcomes)
    return (
        f"{first.seconds / 3600:.2f} h of audio, {first.seconds / elapsed_s:.0f}x real time, "
        f"{'model' if len(outcomes) == 1 else 'models'} {busy_s / elapsed_s:.0%} busy"
    )
