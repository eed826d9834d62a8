"""int8 features: channels brought to one scale, then a scale per frame.

Per-frame scales alone are unusable (a few loud channels take all the range: an error of 32 % of a
channel's deviation); with channels standardised first it is 0.8 %.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor

from medusa.atomic import atomic
from medusa.cache.packed import Packed

CHANNELS = "channels.safetensors"
LARGEST = 1e15  # 32,768 squares of it are a float32
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Quantised(Packed):
    """Packed int8 frames that become numbers where they are moved to.

    Attributes:
        scales: (N, 1) float32, one per frame.
        mean, std: (D,) float32 of the channels.
    """

    scales: Tensor
    mean: Tensor
    std: Tensor

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Packed:
        """Move the int8 values to a device and dequantise them there."""
        values, scales, mean, std = (
            tensor.to(device, non_blocking=True)
            for tensor in (self.values, self.scales, self.mean, self.std)
        )
        wide = torch.addcmul(mean, values * scales, std)
        return Packed(wide.to(dtype or torch.float32), self.lengths)


def channels(frames: Floats) -> Floats:
    """Return mean and standard deviation of each channel, (2, D), from (n, D) frames.

    Values that are not finite, or whose squares are not, do not count: one would spoil its channel
    for every utterance.
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
    """Undo `quantise`, up to rounding."""
    wide: Floats = values * scales * channel[1] + channel[0]
    return wide


def agree_on_channels(store: Path, mine: dict[str, Floats]) -> dict[str, Floats]:
    """Keep the channel scales of whichever writer comes first, and return those."""
    path = store / CHANNELS
    if not path.exists():
        with atomic(path, durable=True, keep_first=True) as partial:
            save_file(mine, partial)
    return read_channels(store)


def read_channels(store: Path) -> dict[str, Floats]:
    """Return mean and deviation (2, D) of the channels of each array."""
    scales: dict[str, Floats] = load_file(store / CHANNELS)
    return scales
