"""The computation of a training step: forward pass, Manifold MixUp, loss and gradients."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.profiler import record_function as span

from medusa.cache import Packed
from medusa.heads.config import Config
from medusa.heads.networks.fusion import Head
from medusa.heads.networks.memory import embed_in_parts
from medusa.heads.training import mixup
from medusa.heads.training.loss import TrainStatistics, total_loss
from medusa.heads.training.targets import Targets


def compute_gradients(
    head: Head,
    inputs: Sequence[Packed],
    targets: Targets,
    statistics: TrainStatistics,
    config: Config,
    micro: int,
    rng: np.random.Generator,
) -> dict[str, Tensor]:
    """Compute the loss of a batch and its gradients, which are left in the head.

    Args:
        head: the head, without gradients.
        inputs: the M packed modalities of B utterances, on the head's device.
        targets: the targets of the same utterances, on the same device.
        statistics: those of all training rows.
        config: the settings of MixUp and of the losses.
        micro: the number of utterances whose activations are kept at a time.
        rng: it draws the partners and the lambdas of MixUp.

    Returns:
        The loss and its parts by name, on the device.
    """
    device = inputs[0].values.device
    with _autocast(device), span("forward"):
        x = embed_in_parts(head, inputs, micro)
        drawn = mixup.draw(config.mixup, len(targets), rng)
        if drawn is not None:
            partners, shares = (values.to(device, non_blocking=True) for values in drawn)
            x, targets = mixup.mix(x, partners, shares), targets.mixed(partners, shares)
        outputs = head.output(x)
    with span("loss"):
        loss, parts = total_loss(config.loss, outputs, targets, statistics)
    with span("backward"):
        loss.backward()  # type: ignore[no-untyped-call]
    return parts | {"loss": loss.detach()}


def _autocast(device: torch.device) -> AbstractContextManager[Any]:
    """Return a context that computes in bf16 if the GPU supports it, else in fp32."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()
