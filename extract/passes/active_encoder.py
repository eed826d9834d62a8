"""One encoder among the several that share a pass: loaded, measured, with the store it fills."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from medusa.cache import StoreWriter
from medusa.errors import MedusaError
from medusa.extract.encoders import (
    Encode,
    Encoded,
    frames_averaged,
    out_of_memory,
    reduce_and_offload,
    with_autocast,
)
from medusa.extract.inputs import Utterance
from medusa.extract.passes import calibration
from medusa.extract.passes.single_pass import Outcome
from medusa.extract.planning import ExtractionJob

Result = Encoded | MedusaError


@dataclass(frozen=True)
class ActiveEncoder:
    """One encoder of a shared pass, with its store and the outcome so far.

    Attributes:
        job, writer, outcome: what to compute, where it is stored, and how much was.
        prepare_item: the encoder's own `prepare`.
        encode_on_device: leaves the features on the device.
        encode: copies them to the CPU.
        batch_seconds: the padded seconds that the encoder takes in one call.
    """

    job: ExtractionJob
    writer: StoreWriter
    outcome: Outcome
    prepare_item: Any
    encode_on_device: Encode
    encode: Encode
    batch_seconds: float = 0.0

    def prepare(self, wave: Any) -> Any:
        """Return the encoder's item, or the error that this encoder has with the utterance."""
        try:
            return self.prepare_item(wave)
        except MedusaError as problem:
            return problem

    def encode_batch(self, items: Sequence[Any]) -> list[Result]:
        """Encode the items that are no errors, in their order.

        An encoder that pads everything takes fewer in one call.
        """
        good = [item for item in items if not isinstance(item, MedusaError)]
        least_s = self.job.backbone.least_s
        size = max(1, int(self.batch_seconds / least_s) if least_s else len(good))
        parts = [good[start : start + size] for start in range(0, len(good), size)]
        encoded = iter([one for part in parts for one in self.encode(part)])
        return [item if isinstance(item, MedusaError) else next(encoded) for item in items]

    def measured(self, todo: Sequence[Utterance], device: str) -> "ActiveEncoder":
        """Return the encoder with the padded seconds it can take while the others are loaded."""
        backbone = self.job.backbone
        seconds = calibration.measured_batch_seconds(
            todo,
            self.prepare_item,
            self.encode_on_device,
            backbone.rate_hz or 0,
            device,
            backbone.least_s,
        )
        return replace(self, batch_seconds=seconds)


def load_encoders(
    jobs: Sequence[ExtractionJob],
    writers: Sequence[StoreWriter],
    outcomes: Sequence[Outcome],
    needed: Sequence[bool],
    device: str,
) -> list[ActiveEncoder | None] | None:
    """Load the encoders that are needed; return None where memory runs out."""
    loaded: list[ActiveEncoder | None] = []
    try:
        for job, writer, outcome, need in zip(jobs, writers, outcomes, needed, strict=True):
            loaded.append(_load(job, writer, outcome, device) if need else None)
    except (RuntimeError, MedusaError) as problem:
        # a loader may have wrapped it
        if not any(out_of_memory(one) for one in (problem, problem.__cause__)):
            raise
        return None
    return loaded


def _load(job: ExtractionJob, writer: StoreWriter, outcome: Outcome, device: str) -> ActiveEncoder:
    encoder = job.load(device)
    on_device = with_autocast(encoder.encode, job.backbone, device)
    frames = frames_averaged(job.backbone)
    encode = reduce_and_offload(on_device, job.spec.reduce, device, outcome.timer, frames)
    return ActiveEncoder(job, writer, outcome, encoder.prepare, on_device, encode)
