"""The computation of a training step: forward pass, Manifold MixUp, loss and gradients.

Its learning rate, the limit of its gradient, and the average of the weights over steps follow.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.profiler import record_function as span

from medusa.cache import Packed
from medusa.heads.config import Config, StageConfig, TrainConfig
from medusa.heads.networks.head import Head
from medusa.heads.networks.memory import embed_in_parts
from medusa.heads.training.loss import total_loss
from medusa.heads.training.train_rows import Targets, TrainStatistics, draw_mixup, mix


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
        drawn = draw_mixup(config.mixup, len(targets), rng)
        if drawn is not None:
            partners, lambdas = (values.to(device, non_blocking=True) for values in drawn)
            x, targets = mix(x, partners, lambdas), targets.mixed(partners, lambdas)
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


def rate(stage: StageConfig, done: float) -> float:
    """Return the learning rate when a share `done` (0..1) of the stage's steps has been taken.

    It rises from 0 during the share `warmup` of the steps. Then it is constant, or it falls along
    half a cosine to `floor` times the rate.
    """
    if done < stage.warmup:
        return stage.lr * done / stage.warmup
    after = (done - stage.warmup) / max(1 - stage.warmup, 1e-12)
    return stage.lr * SCHEDULES[stage.schedule](after, stage.floor)


def clip(head: nn.Module, most: float | None) -> Tensor:
    """Return the gradient's norm. If there is a limit, scale the gradient down to it."""
    parameters = list(head.parameters())
    norm = get_total_norm([one.grad for one in parameters if one.grad is not None])
    if most is not None:
        clip_grads_with_norm_(parameters, most, norm)
    return norm


SCHEDULES: dict[str, Callable[[float, float], float]] = {
    "constant": lambda after, floor: 1.0,
    "cosine": lambda after, floor: floor + (1 - floor) * (1 + math.cos(math.pi * after)) / 2,
}


def averaged(head: nn.Module, config: TrainConfig) -> AveragedModel | None:
    """Return a running average of the head, or None if nothing is averaged.

    `ema` is an exponential mean over the steps of a stage, w' = d w' + (1 - d) w. `swa` is the
    equal mean over the ends of a stage's epochs (Izmailov et al. 2018).
    """
    return AVERAGES[config.average](head, config)


def _ema(head: nn.Module, config: TrainConfig) -> AveragedModel:
    mean = get_ema_multi_avg_fn(config.decay)  # type: ignore[no-untyped-call]
    return AveragedModel(head, multi_avg_fn=mean)


AVERAGES: dict[str, Callable[[nn.Module, TrainConfig], AveragedModel | None]] = {
    "none": lambda head, config: None,
    "ema": _ema,
    "swa": lambda head, config: AveragedModel(head),
}
