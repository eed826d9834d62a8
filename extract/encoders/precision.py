"""The precision of a model: float32, or half precision on devices that compute it faster."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from medusa.console import say
from medusa.errors import MedusaError
from medusa.extract.encoders.encoder import Backbone

PRECISIONS: dict[str, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
MAX_DIFFERENCE = 0.05  # root mean square against float32, in standard deviations of the features


def pick(name: str, device: str) -> str:
    """Return the precision to use; `auto` is bf16 on a GPU that supports it, else fp32."""
    if name != "auto":
        return name
    cuda = device.startswith("cuda") and torch.cuda.is_bf16_supported()
    return "bf16" if cuda else "fp32"


def with_precision(backbone: Backbone, precision: str) -> Backbone:
    """Return the backbone in a precision; half precision is part of the features' identity.

    Signal features have no weights and are always float32.
    """
    if precision == "fp32" or not backbone.n_layers:
        return backbone
    return replace(backbone, preprocessing=backbone.preprocessing | {"precision": precision})


def autocast(precision: str, device: str) -> AbstractContextManager[Any]:
    """Return the context in which matrix products are computed in a precision."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.split(":")[0], PRECISIONS[precision])


def difference(values: Tensor, exact: Tensor) -> float:
    """Return the root mean square of the difference, in standard deviations of the exact values."""
    gap = (values.float() - exact.float()).square().mean().sqrt()
    return float(gap / exact.float().std(correction=0).clamp_min(1e-12))


def check_half_precision(values: Tensor, exact: Tensor, precision: str) -> None:
    """Report how much the features of one utterance in half precision differ from float32.

    Raises:
        MedusaError: they differ by more than 5 %.
    """
    share = difference(values, exact)
    if not share <= MAX_DIFFERENCE:  # this is true, too, if the share is not a number
        raise MedusaError(
            f"precision={precision}: the first utterance's features differ from float32 by "
            f"{share:.1%} (at most {MAX_DIFFERENCE:.0%} is allowed); use --set precision=fp32"
        )
    say(f"{precision}: the first utterance's features differ from float32 by {share:.2%}")
