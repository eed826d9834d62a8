"""The loop: decode ahead, encode in batches, append to the store, until nothing is missing."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from medusa.cache import StoreWriter, WriteError
from medusa.console import Advance, progress
from medusa.errors import MedusaError
from medusa.extract.encoders.encoder import Encoded
from medusa.extract.encoders.offload import Busy, to_host
from medusa.extract.encoders.precision import lowered
from medusa.extract.encoders.variants import pool_of
from medusa.extract.inputs.batches import Utterance
from medusa.extract.passes import calibration as calibrate
from medusa.extract.passes.cpu_concurrency import divided
from medusa.extract.passes.stream import sentence, stream
from medusa.extract.planning.estimate import check_room
from medusa.extract.planning.jobs import Job

LIBRARIES = ("medusa-ser", "torch", "transformers", "openai-whisper", "soundfile", "soxr")


@dataclass
class Outcome:
    """What one run of the loop added to a store.

    Attributes:
        utterances, seconds, frames: how much.
        elapsed_s: how long it took to the last byte on disk, the loading of the weights apart.
        busy: how much of that the model was running.
        problems: one sentence for every utterance that could not be encoded.
        began: when, by the monotonic clock.
    """

    utterances: int = 0
    seconds: float = 0.0
    frames: int = 0
    elapsed_s: float = 0.0
    busy: Busy = field(default_factory=Busy)
    problems: list[str] = field(default_factory=list)
    began: float | None = None

    def clock(self) -> None:
        """Let `elapsed_s` be the time since the first call."""
        now = time.monotonic()
        self.began = now if self.began is None else self.began
        self.elapsed_s = now - self.began


def extract(
    job: Job,
    device: str,
    budget_s: float | None,
    non_finite: str = "refuse",
    line: Any = progress,
) -> Outcome:
    """Encode what the store lacks; an utterance that cannot be encoded is reported, not raised.

    Args:
        job: from `plan_jobs`. Its weights are loaded only if something is missing.
        device: where the encoder runs.
        budget_s: padded seconds in a batch; None: what the device is measured to take.
        non_finite: as `StoreWriter` takes it: `refuse` an utterance that overflows, or `clamp` it.
        line: shows how far it is, as `console.progress` does.

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
                encode = lowered(encoder.encode, job.backbone, device)
                rate_hz, least_s = job.backbone.rate_hz or 0, job.backbone.least_s
                most_s = budget_s or calibrate.budget_s(
                    todo, encoder.prepare, encode, rate_hz, device, least_s
                )
                plan, several = divided([job], device, todo, most_s, least_s)
                outcome.busy.at_once = several
                encode = to_host(
                    encode, job.spec.reduce, device, outcome.busy, pool_of(job.backbone)
                )
                late = device.startswith("cuda")
                answers = stream(plan, encoder.prepare, encode, rate_hz, late, several)
                _fill(writer, answers, bool(rate_hz), outcome, advance)
    outcome.clock()
    return outcome


def provenance(device: str, source: str) -> dict[str, object]:
    """Return what may change the last digits of a feature, but is not its identity."""
    return {
        "device": device,
        "source": source,
        "versions": {name: version(name) for name in LIBRARIES},
    }


def _fill(
    writer: StoreWriter,
    stream_of: Iterable[list[tuple[Utterance, Encoded | MedusaError]]],
    heard: bool,
    outcome: Outcome,
    advance: Advance,
) -> None:
    outcome.clock()
    for answers in stream_of:
        for utterance, encoded in answers:
            problem = store(writer, utterance, encoded, outcome)
            if problem:
                outcome.problems.append(sentence(utterance, problem))
        outcome.clock()
        advance(len(answers), note(outcome) if heard else "")


def store(
    writer: StoreWriter, utterance: Utterance, encoded: Encoded | MedusaError, outcome: Outcome
) -> MedusaError | None:
    """Append an utterance's features; return what is wrong with it alone."""
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
    """Say how much was heard, how fast, and how busy the model was; or several, at once."""
    first = outcomes[0]
    elapsed_s = max(first.elapsed_s, 1e-9)
    busy_s = sum(one.busy.seconds for one in outcomes)
    return (
        f"{first.seconds / 3600:.2f} h of audio, {first.seconds / elapsed_s:.0f}x real time, "
        f"{'model' if len(outcomes) == 1 else 'models'} {busy_s / elapsed_s:.0%} busy"
    )
