"""A frozen encoder as a worker of a pass: it fills a feature store."""

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from medusa.cache import StoreWriter
from medusa.console import say
from medusa.errors import MedusaError, WriteError
from medusa.extract.encoders import ComputeTimer, Encoded, EncoderRunner, default_batch_seconds
from medusa.extract.inputs import Utterance
from medusa.extract.passes.plan import concurrent_batches
from medusa.extract.passes.worker import Outcome
from medusa.extract.planning import ExtractionJob, bytes_of, product_flop_s, utterance_flop

LIBRARIES = ("medusa-ser", "torch", "transformers", "openai-whisper", "soundfile", "soxr")


class FeatureSink(Protocol):
    """The receiver of an encoder's features: a `StoreWriter`, or memory with its functions."""

    def missing(self, contents: Iterable[str]) -> list[str]:
        """Return the contents that have no features yet."""
        ...

    def append(
        self, content: str, values: npt.NDArray[np.floating], flags: Sequence[str] = ()
    ) -> None:
        """Keep the features (K, T, D) of one utterance."""
        ...

    def close(self) -> None:
        """Write all that was kept."""
        ...


class FeatureWorker:
    """One encoder, and the store that it fills.

    Args:
        job: the backbone, the store and the utterances.
        device: the device, for the provenance.
        non_finite: `refuse` an utterance that overflows, or `clamp` it; see `StoreWriter`.
        features: the receiver of the features; by default the store of the job.
    """

    def __init__(
        self,
        job: ExtractionJob,
        device: str,
        non_finite: str = "refuse",
        features: FeatureSink | None = None,
    ) -> None:
        self.job, self.device, self.non_finite = job, device, non_finite
        self.features = features
        self.utterances, self.output = job.utterances, job.store
        self.name, self.rate_hz = job.backbone.name, job.backbone.rate_hz
        self.least_s = job.backbone.least_s
        self.outcome = Outcome()
        self.runner: Any = None
        self.measured_s: float | None = None

    def open(self) -> None:
        self.writer = self.features or self._store_writer()

    def _store_writer(self) -> FeatureSink:
        made_by = provenance(self.device, self.job.backbone.source)
        return StoreWriter(self.job.store, self.job.spec, made_by, self.non_finite)

    def close(self) -> None:
        self.writer.close()

    def missing(self) -> set[str]:
        return set(self.writer.missing(one.content for one in self.utterances))

    def bytes_of(self, utterances: Sequence[Utterance]) -> float:
        return 0.0 if self.features else bytes_of(self.job, utterances)

    def load(self, device: str) -> None:
        if self.runner is None:  # A further pass finds the weights in memory.
            self.runner = self._runner(device)
        if self.outcome.timer is not self.runner.timer:  # A new outcome counts from zero.
            self.outcome.timer = self.runner.timer = ComputeTimer(device)
        if self.job.backbone.n_layers:
            self.outcome.peak_flop_s = product_flop_s(device, self.runner.precision)

    def _runner(self, device: str) -> EncoderRunner:
        """Read the weights."""
        say(f"{self.job.backbone.name}: loading the model")
        encoder = self.job.load(device)
        return EncoderRunner(encoder, self.job.backbone, self.job.spec.reduce, device)

    def unload(self) -> None:
        self.runner = None

    def batch_seconds(self, todo: Sequence[Utterance], device: str) -> float:
        if not device.startswith("cuda"):
            return default_batch_seconds(device, self.least_s)
        from medusa.extract.passes.calibration import measured_batch_seconds

        if self.measured_s is None:
            prepare, encode = self.runner.encoder.prepare, self.runner.run_encoder
            self.measured_s = measured_batch_seconds(
                todo, prepare, encode, self.rate_hz, device, self.least_s
            )
        return self.measured_s

    def concurrent(self, device: str, batches: int) -> int:
        return concurrent_batches(self.job, device, batches)

    def prepare(self, utterance: Utterance, source: Any) -> Any:
        return self.runner.encoder.prepare(source)

    def encode(self, items: Sequence[Any]) -> Sequence[Encoded]:
        encoded: list[Encoded] = self.runner.features(items)
        return encoded

    def keep(self, utterance: Utterance, result: Encoded) -> MedusaError | None:
        result.ready()
        values = result.values.numpy()
        try:
            self.writer.append(utterance.content, values, result.flags)
        except WriteError as problem:  # a full disk raises another error and ends the pass
            return problem
        self.outcome.utterances += 1
        self.outcome.seconds += utterance.seconds
        self.outcome.frames += values.shape[1]
        self.outcome.flop += utterance_flop(self.job, values.shape[1], utterance.seconds)
        return None

    def batch_done(self) -> None:
        self.outcome.clock()


def provenance(device: str, source: str) -> dict[str, object]:
    """Return facts that may change the last digits of a feature; they are not its identity."""
    return {
        "device": device,
        "source": source,
        "versions": {name: version(name) for name in LIBRARIES},
    }
