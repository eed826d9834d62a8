"""The numbers a model computes in: float32, or half precision where the device is fast at it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from medusa.console import say
from medusa.errors import MedusaError
from medusa.extract.encoders.encoder import Backbone, Encoded

PRECISIONS: dict[str, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
MOST = 0.05  # root mean square of the difference to float32, as a share of the features' own


class PrecisionError(MedusaError):
    """Half precision that changes the features too much."""


def pick(asked: str, device: str) -> str:
    """Return the precision to use; `auto` is bf16 on a GPU that has it, else fp32."""
    if asked != "auto":
        return asked
    cuda = device.startswith("cuda") and torch.cuda.is_bf16_supported()
    return "bf16" if cuda else "fp32"


def at(backbone: Backbone, precision: str) -> Backbone:
    """Return the backbone computed in a precision: part of the features' identity if not fp32.

    Signal features have no weights and are float32 always.
    """
    if precision == "fp32" or not backbone.n_layers:
        return backbone
    return replace(backbone, preprocessing=backbone.preprocessing | {"precision": precision})


def lowered(
    encode: Callable[[Sequence[Any]], list[Encoded]], backbone: Backbone, device: str
) -> Callable[[Sequence[Any]], list[Encoded]]:
    """Return `encode` under autocast, where the backbone asks for half precision.

    The first item of all is encoded in float32, too, and how much they differ is said.

    Raises:
        PrecisionError: from the first call, where they differ by more than 5 %.
    """
    precision = backbone.preprocessing.get("precision", "fp32")
    if precision == "fp32":
        return encode
    unchecked = [True]

    def run(items: Sequence[Any]) -> list[Encoded]:
        with autocast(precision, device):
            found = encode(items)
        if unchecked:
            (exact,) = encode(items[:1])
            _check(found[0].values, exact.values, precision)
            unchecked.clear()
        return found

    return run


def autocast(precision: str, device: str) -> AbstractContextManager[Any]:
    """Return the context in which matrix products are computed in a precision."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.split(":")[0], PRECISIONS[precision])


def difference(found: Tensor, exact: Tensor) -> float:
    """Return the root mean square of the difference over that of the exact values' spread."""
    gap = (found.float() - exact.float()).square().mean().sqrt()
    return float(gap / exact.float().std(correction=0).clamp_min(1e-12))


def _check(found: Tensor, exact: Tensor, precision: str) -> None:
    share = difference(found, exact)
    if not share <= MOST:  # also where it is not a number
        raise PrecisionError(
            f"--precision {precision}: the first utterance's features differ from float32 by "
            f"{share:.1%} (at most {MOST:.0%} is taken); use --precision fp32"
        )
    say(f"{precision}: the first utterance's features differ from float32 by {share:.2%}")
