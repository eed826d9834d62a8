"""What every backbone family provides: facts before its weights are read, then an encoder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from medusa.cache import FeatureSpec


@dataclass(frozen=True)
class Backbone:
    """All that is known of a frozen encoder without reading its weights.

    Attributes:
        name: the name that the user gives it (`wavlm`, `auto`, ...).
        family: the file in `extract/backbones/` that computes it.
        source: where the weights are: hub id, folder, or file.
        checkpoint, revision: identity of the weights, as in `FeatureSpec`.
        input: `audio` or `text`.
        n_layers: transformer layers L; layer numbers run from 0 to L.
        width: D.
        frame_shift_s: seconds between frames; None for text.
        rate_hz: the sample rate of the encoder's input; None for text.
        default_layers: the layers kept when `--layers` is not given (`last4`, `last`).
        preprocessing: every other choice that changes the numbers, by name.
        least_s: the least seconds that an utterance costs: Whisper pads everything to 30.
        default_dtype: the dtype of the stored numbers if the user names none.
    """

    name: str
    family: str
    source: str
    checkpoint: str
    revision: str
    input: str
    n_layers: int
    width: int
    frame_shift_s: float | None
    rate_hz: int | None
    default_layers: str
    preprocessing: dict[str, Any]
    least_s: float = 0.0
    default_dtype: str = "float16"

    def spec(self, layers: tuple[int, ...], reduce: str, dtype: str | None) -> FeatureSpec:
        """Return the identity of this backbone's features; one layer alone is never `reduce`d."""
        return FeatureSpec(
            backbone=self.name,
            family=self.family,
            checkpoint=self.checkpoint,
            revision=self.revision,
            input=self.input,
            layers=layers,
            reduce=reduce if len(layers) > 1 else "none",
            dtype=dtype or self.default_dtype,
            width=self.width,
            frame_shift_s=self.frame_shift_s,
            preprocessing=self.preprocessing,
        )


@dataclass(frozen=True)
class Encoded:
    """One utterance's features: values (K, T, D) float32, one K for each kept layer; and its flags.

    `ready` waits until the copy of the values from a device has ended.
    """

    values: Tensor
    flags: tuple[str, ...] = ()
    ready: Callable[[], None] = lambda: None


class BackboneEncoder(Protocol):
    """A backbone with its weights, set to give certain layers."""

    batch_invariant: bool
    """Whether utterances of different lengths may share a batch; if not, `encode` splits them."""

    def prepare(self, source: Any) -> Any:
        """Turn samples (S,) or a text into what `encode` takes; runs in threads, on the CPU."""
        ...

    def encode(self, items: Sequence[Any]) -> list[Encoded]:
        """Compute the features of prepared items, in their order, independent of each other."""
        ...


class Family(Protocol):
    """A module in `extract/backbones/`."""

    CHECKPOINTS: dict[str, str]
    """Backbone name -> default checkpoint."""

    def describe(self, name: str, checkpoint: str, revision: str | None) -> Backbone:
        """Return the facts of a checkpoint without reading its weights."""
        ...

    def load(self, backbone: Backbone, layers: tuple[int, ...], device: str) -> BackboneEncoder:
        """Read the weights onto a device."""
        ...


def compile_encoder(encoder: Any, backend: str = "inductor") -> None:
    """Let `torch.compile` make an encoder's kernels, for any batch and length; takes minutes once.

    Features change by rounding alone. Signal features have nothing to compile.
    """
    if hasattr(encoder, "model"):
        encoder.model.compile(dynamic=True, backend=backend)
    elif hasattr(encoder, "states"):  # Whisper: batches of 30 s
        encoder.states = torch.compile(encoder.states, dynamic=True, backend=backend)
