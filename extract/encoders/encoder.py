"""Every backbone family provides facts, before its weights are read, and then an encoder.

The encoder's layers are chosen, summed, and averaged over frames here.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from medusa.cache import FeatureSpec
from medusa.errors import CheckpointError, ConfigError

LONGEST_SHIFT_S = 60.0

FORMS = (
    "a number (0 to {last}, or -1, -2, ... from the end), 20-24, last, last4, "
    "middle, all, or a list"
)


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
    """One utterance's features: values (K, T, D) float32, and flags.

    K is the number of kept layers, or 1 after their reduction.
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


def parse_layers(text: str, n_layers: int) -> tuple[int, ...]:
    """Return the numbers of the chosen layers, in ascending order.

    Layer 0 is the input of the first transformer layer, and layer l is the output of transformer
    layer l. Layer L (also -1, `last`) is the last hidden state, after the final norm. `last4` is
    the output of the last four transformer layers, or of all if the model has fewer. `middle` is
    the three layers at a third, a half and two thirds of L. `all` is 0 to L.

    Args:
        text: a comma list of `-1`, `20`, `20-24`, `last`, `last4`, `middle`, `all`.
        n_layers: the number of transformer layers L.

    Raises:
        ConfigError: the text has another form, or names a layer outside 0 to L.
    """
    kept: set[int] = set()
    for part in text.split(","):
        kept.update(_layers_of(part.strip(), n_layers))
    return tuple(sorted(kept))


def _layers_of(part: str, n_layers: int) -> Sequence[int]:
    """Return the layers of one part of the comma list."""
    if part == "all":
        return range(n_layers + 1)
    if part == "middle":
        return [round(n_layers * share) for share in (1 / 3, 1 / 2, 2 / 3)]
    if match := re.fullmatch(r"last(\d*)", part):
        count = int(match[1] or 1)
        return range(max(min(1, n_layers), n_layers + 1 - count), n_layers + 1)
    if match := re.fullmatch(r"(\d+)-(\d+)", part):
        first, last = int(match[1]), int(match[2])
    elif re.fullmatch(r"-?\d+", part):
        first = last = int(part) + (n_layers + 1 if part.startswith("-") else 0)
    else:
        raise ConfigError(f"--layers {part!r}: expected {FORMS.format(last=n_layers)}")
    if not 0 <= first <= last <= n_layers:
        raise ConfigError(
            f"--layers {part}: this backbone has layers 0 to {n_layers}; "
            f"expected {FORMS.format(last=n_layers)}"
        )
    return range(first, last + 1)


def average_frames(values: Tensor, by: int) -> Tensor:
    """Average every `by` consecutive frames of (K, T, D); the last group may be shorter."""
    if by == 1:
        return values
    whole = values.shape[1] // by * by
    means = values[:, :whole].reshape(len(values), -1, by, values.shape[2]).mean(2)
    rest = values[:, whole:].mean(1, keepdim=True)
    return means if whole == values.shape[1] else torch.cat([means, rest], 1)


def reduced(values: Tensor, how: str) -> Tensor:
    """Reduce K layers (K, T, D) to one (1, T, D) by `sum` or `mean`; `none` keeps them apart."""
    if how == "none" or len(values) == 1:
        return values
    total = values.float().sum(0, keepdim=True)
    return total / len(values) if how == "mean" else total
