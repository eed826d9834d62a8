"""Weight averaging: the weights that are scored and kept may be a mean over training."""

from collections.abc import Callable

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from medusa.heads.config import TrainConfig


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
