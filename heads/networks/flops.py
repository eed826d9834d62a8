"""Floating-point operations that a head needs without padding and that a device can perform."""

import copy
import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from medusa.cache import Packed
from medusa.heads.networks.attention import PackedAttention
from medusa.heads.networks.head import Head

# These are dense bf16 tensor-core peaks in operations per second, by a part of the device's name.
PEAKS = {
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "4090": 165e12,
    "3090": 71e12,
    "A6000": 155e12,
    "V100": 112e12,
    "T4": 65e12,
}


def train_flop(head: Head, lengths: Sequence[Sequence[int]], widths: Sequence[int]) -> float | None:
    """Return the operations of one training step on these utterances without any padding.

    The backward pass takes twice the operations of the forward pass. Only matrix products are
    counted; they are counted on meta tensors, without data.

    Args:
        head: any head that `fusion.build` makes.
        lengths: (B, M) the frames of every utterance and modality.
        widths: (M,) the feature widths.

    Returns:
        The operations, or None for recurrent heads, whose kernels are not matrix products.
    """
    if any(isinstance(module, nn.RNNBase) for module in head.modules()):
        return None
    empty = copy.deepcopy(head).to("meta").eval()
    for module in empty.modules():
        if isinstance(module, PackedAttention):
            module.fold_above = math.inf  # Count the paper's products, however they are computed.
    total = 0
    for utterance in lengths:
        inputs = [
            Packed(torch.empty(frames, width, device="meta"), torch.tensor([frames]))
            for frames, width in zip(utterance, widths, strict=True)
        ]
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            empty.output(empty.embed(inputs))
        total += counter.get_total_flops()
    return 3.0 * total


def peak(device: torch.device) -> float | None:
    """Return a GPU's peak in bf16 operations per second, or None if it is unknown."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((value for part, value in PEAKS.items() if part in name), None)
