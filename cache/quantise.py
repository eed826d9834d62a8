"""int8 features: the channels are brought to one scale, and each frame then has its own scale.

Scales of frames alone are unusable: a few channels with large values take all the range, and the
error is 32 % of a channel's deviation. With channels standardised first, the error is 0.8 %.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load, save
from torch import Tensor

from medusa.atomic import atomic
from medusa.cache.packed import Packed
from medusa.cache.spec import FeatureSpec
from medusa.errors import StoreError
from medusa.foreign import foreign

CHANNELS = "channels.safetensors"
REMEDY = "restore it from a copy, or move the store away and extract again"
LARGEST = 1e15  # the sum of 32,768 squares of it still fits into a float32
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Quantised(Packed):
    """Packed int8 frames that are converted to floats on the device to which they are moved.

    Attributes:
        scales: (N, 1) float32, one per frame; (N, L) for L layers side by side.
        mean, std: (D,) float32, one per channel; (L D,) for L layers.
    """

    scales: Tensor
    mean: Tensor
    std: Tensor

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Packed:
        """Move the int8 values to a device and convert them to floats there."""
        values, scales, mean, std = (
            tensor.to(device, non_blocking=True)
            for tensor in (self.values, self.scales, self.mean, self.std)
        )
        scaled = values.reshape(*scales.shape, -1) * scales[:, :, None]
        wide = torch.addcmul(mean, scaled.flatten(1), std)
        return Packed(wide.to(dtype or torch.float32), self.lengths)


def channels(frames: Floats) -> Floats:
    """Return the mean and the standard deviation of each channel, (2, D), of frames (n, D).

    Values that are not finite, or whose squares are not, are ignored: a single one would spoil its
    channel for every utterance.
    """
    usual = np.abs(frames) < LARGEST
    if not usual.all():
        mean = frames.sum(0, where=usual) / np.maximum(usual.sum(0), 1)
        frames = np.where(usual, frames, mean.astype(np.float32))
    std = frames.std(0)
    return np.stack([frames.mean(0), np.where(std > 1e-8, std, 1)]).astype(np.float32)


def quantise(frames: Floats, channel: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Return int8 values (n, D) and scales (n, 1) of frames (n, D)."""
    standard = (frames - channel[0]) / channel[1]
    scales = np.maximum(np.abs(standard).max(1, keepdims=True), 1e-12) / np.float32(127)
    return np.rint(standard / scales).astype(np.int8), scales.astype(np.float32)


def dequantise(values: npt.NDArray[np.int8], scales: Floats, channel: Floats) -> Floats:
    """Return the floats (n, D) that `quantise` rounded."""
    wide: Floats = values * scales * channel[1] + channel[0]
    return wide


def agree_on_channels(store: Path, spec: FeatureSpec, mine: dict[str, Floats]) -> dict[str, Floats]:
    """Store these channel scales if no writer did so before, and return the stored ones."""
    path = store / CHANNELS
    if not path.exists():
        with atomic(path, durable=True, keep_first=True) as partial:
            partial.write_bytes(save(mine))
    return read_channels(store, spec)


def read_channels(store: Path, spec: FeatureSpec) -> dict[str, Floats]:
    """Return array -> mean and deviation of its channels, (2, D).

    Raises:
        StoreError: the file is missing, damaged, or of other arrays than the specification.
    """
    path, shape = store / CHANNELS, (2, spec.width)
    with foreign(StoreError, lambda reason: f"{path}: missing or damaged ({reason}); {REMEDY}"):
        scales: dict[str, Floats] = load(path.read_bytes())
        found = {name: (values.shape, str(values.dtype)) for name, values in scales.items()}
        if found != dict.fromkeys(spec.arrays, (shape, "float32")):
            raise ValueError(f"expected {shape} float32 of {', '.join(spec.arrays)}")
        return scales
