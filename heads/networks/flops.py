"""Floating-point operations: what a head has to do, without padding, and what a device can."""

import copy
import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from medusa.cache import Packed
from medusa.heads.networks.attention import PackedAttention
from medusa.heads.networks.fusion import Head

# dense bf16 tensor-core peaks, operations a second, by a part of the device's name
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
    """Return the operations of one training step on these utterances, each without any padding.

    Forward, and twice as much backward; products of matrices alone are counted, on no data.

    Args:
        head: any that `fusion.build` makes.
        lengths: (B, M) frames of every utterance and modality.
        widths: (M,) of the features.

    Returns:
        None for recurrent heads, whose kernels are not made of such products.
    """
    if any(isinstance(module, nn.RNNBase) for module in head.modules()):
        return None
    empty = copy.deepcopy(head).to("meta").eval()
    for module in empty.modules():
        if isinstance(module, PackedAttention):
            module.fold_above = math.inf  # the paper's products, whatever way they are computed
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
    """Return the operations a second that a GPU can do in bf16, or None where that is unknown."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((value for part, value in PEAKS.items() if part in name), None)
