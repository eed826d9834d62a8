"""Consecutive frames are averaged into one before a head reads them."""

import numpy as np
import torch

from medusa.cache import Packed


def average_frames(packed: Packed, group: int) -> Packed:
    """Average every `group` consecutive frames of an utterance. The last group may be shorter."""
    if group == 1:
        return packed
    packed = packed.to("cpu", torch.float32)
    lengths = packed.lengths.numpy()
    shorter = -(-lengths // group)
    inside = np.arange(shorter.sum()) - np.repeat(shorter.cumsum() - shorter, shorter)
    starts = np.repeat(lengths.cumsum() - lengths, shorter) + inside * group
    sums = np.add.reduceat(packed.values.numpy(), starts, axis=0)
    counts = np.diff(np.append(starts, lengths.sum()))
    means = torch.from_numpy(sums / counts[:, None].astype(np.float32))
    return Packed(means, torch.from_numpy(shorter))
