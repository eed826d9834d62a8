"""The learning rate over a stage, the limit of the gradient, and the average of the weights."""

import math
from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from medusa.heads.config import StageConfig, TrainConfig


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
