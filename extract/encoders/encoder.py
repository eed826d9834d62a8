"""Every backbone family provides facts, before its weights are read, and then an encoder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from medusa.cache import FeatureSpec
from medusa.errors import CheckpointError

LONGEST_SHIFT_S = 60.0


@dataclass(frozen=True)
class Checkpoint:
    """The usual checkpoint of a backbone.

    Attributes:
        source: a hub id, or a name of the family's own; empty if the user must name a checkpoint.
        layers, width: the published size, for plans on machines without the checkpoint, or 0.
    """

    source: str
    layers: int = 0
    width: int = 0


@dataclass(frozen=True)
class Backbone:
    """The facts of a frozen encoder that are known without reading its weights.

    Attributes:
        name: the name of the backbone (`wavlm`, `auto`, ...).
        family: the file in `extract/backbones/` that computes it.
        source: the hub id, the folder or the file of the weights.
        checkpoint, revision: the identity of the weights, as in `FeatureSpec`.
        input: `audio` or `text`.
        n_layers: the number of transformer layers L; layer numbers run from 0 to L.
        width: the width D.
        frame_shift_s: the seconds between frames; None for text.
        rate_hz: the sample rate of the encoder's input; None for text.
        default_layers: the layers kept when `--layers` is not given (`last4`, `middle`).
        preprocessing: every other choice that changes the numbers, by name.
        least_s: the least seconds that an utterance costs: Whisper pads every clip to 30 s.
        default_dtype: the dtype of the stored numbers if the user names none.
        receptive_s: the seconds of samples that one frame needs, if only whole frames count;
            0 if an incomplete last frame counts, too.
        front_flop_s: the operations per second of audio before the first transformer layer.
        variants: the choices of `variants.variant` that this backbone has: `like`, `piece_s`.
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
    receptive_s: float = 0.0
    front_flop_s: float = 0.0
    variants: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.frame_shift_s is not None and not 0 < self.frame_shift_s <= LONGEST_SHIFT_S:
            raise CheckpointError(
                f"{self.source}: its frames are {self.frame_shift_s:g} s apart; expected more than "
                f"0 and at most {LONGEST_SHIFT_S:g} s; replace its configuration"
            )

    def frames(self, seconds: float) -> int:
        """Return the number of frames that are stored for a clip.

        Functionals, which have no frame shift, are one frame. In the published mode, Whisper keeps
        whole windows.
        """
        if self.frame_shift_s is None or self.rate_hz is None:
            return 1
        averaged: int = self.preprocessing.get("pool", 1)
        hop = round(self.frame_shift_s / averaged * self.rate_hz)
        samples = round(seconds * self.rate_hz)
        if self.receptive_s:
            count = (samples - round(self.receptive_s * self.rate_hz)) // hop + 1
        else:
            padded = self.least_s and "like" in self.preprocessing
            window = round(self.least_s * self.rate_hz) if padded else hop
            count = -(-samples // window) * window // hop
        return -(-max(1, count) // averaged)

    def spec(self, layers: tuple[int, ...], reduce: str, dtype: str | None) -> FeatureSpec:
        """Return the identity of this backbone's features; a single layer is never reduced."""
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
    """One utterance's features: values (K, T, D) float32, one K for each kept layer, and flags.

    `ready` waits until the copy of the values from a device has ended.
    """

    values: Tensor
    flags: tuple[str, ...] = ()
    ready: Callable[[], None] = lambda: None


class BackboneEncoder(Protocol):
    """A backbone with its weights, which returns certain layers."""

    batch_invariant: bool
    """Whether utterances of different lengths may share a batch; else `encode` separates them."""

    def prepare(self, source: Any) -> Any:
        """Turn samples (S,) or a text into an item for `encode`, in a thread, on the CPU."""
        ...

    def encode(self, items: Sequence[Any]) -> list[Encoded]:
        """Compute the features of prepared items, in order and independent of each other."""
        ...


class Family(Protocol):
    """A module in `extract/backbones/`."""

    CHECKPOINTS: dict[str, Checkpoint]
    """Backbone name -> its usual checkpoint."""

    INPUT: str
    """`audio` or `text`; empty if it depends on the checkpoint."""

    ON_HUB: bool
    """Whether the checkpoints are hub ids with revisions."""

    def describe(self, name: str, checkpoint: str, revision: str | None) -> Backbone:
        """Return the facts of a checkpoint without reading its weights."""
        ...

    def published(self, name: str) -> Backbone:
        """Return the facts of the usual checkpoint, for plans on machines that lack it."""
        ...

    def load(self, backbone: Backbone, layers: tuple[int, ...], device: str) -> BackboneEncoder:
        """Read the weights onto a device."""
        ...


def compile_encoder(encoder: Any, backend: str = "inductor") -> None:
    """Let `torch.compile` make an encoder's kernels, for any batch and any length.

    The first call then takes minutes. The features change only by rounding. Signal features have
    nothing to compile.
    """
    if hasattr(encoder, "model"):
        encoder.model.compile(dynamic=True, backend=backend)
    elif hasattr(encoder, "states"):  # the encoders of Whisper
        encoder.states = torch.compile(encoder.states, dynamic=True, backend=backend)
