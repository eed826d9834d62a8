"""The choice of layers, their reduction to one, and the averaging of consecutive frames."""

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from medusa.errors import ConfigError

FORMS = (
    "a number (0 to {last}, or -1, -2, ... from the end), 20-24, last, last4, "
    "middle, all, or a list"
)


def parse_layers(text: str, n_layers: int) -> tuple[int, ...]:
    """Return the numbers of the chosen layers, in ascending order.

    Layer 0 is the input of the first transformer layer, and layer l is the output of transformer
    layer l. Layer L (also -1, `last`) is the last hidden state, after the final norm. `last4` is
    the output of the last four transformer layers, or of all if the model has fewer. `middle` is
    the three layers at a third, a half and two thirds of L. `all` is 0 to L.

    Args:
        text: a comma list of `-1`, `20`, `20-24`, `last`, `last4`, `middle`, `all`.
        n_layers: the number of transformer layers L.

    Raises:
        ConfigError: the text has another form, or names a layer outside 0 to L.
    """
    kept: set[int] = set()
    for part in text.split(","):
        kept.update(_layers_of(part.strip(), n_layers))
    return tuple(sorted(kept))


def _layers_of(part: str, n_layers: int) -> Sequence[int]:
    """Return the layers of one part of the comma list."""
    if part == "all":
        return range(n_layers + 1)
    if part == "middle":
        return [round(n_layers * share) for share in (1 / 3, 1 / 2, 2 / 3)]
    if match := re.fullmatch(r"last(\d*)", part):
        count = int(match[1] or 1)
        return range(max(min(1, n_layers), n_layers + 1 - count), n_layers + 1)
    if match := re.fullmatch(r"(\d+)-(\d+)", part):
        first, last = int(match[1]), int(match[2])
    elif re.fullmatch(r"-?\d+", part):
        first = last = int(part) + (n_layers + 1 if part.startswith("-") else 0)
    else:
        raise ConfigError(f"--layers {part!r}: expected {FORMS.format(last=n_layers)}")
    if not 0 <= first <= last <= n_layers:
        raise ConfigError(
            f"--layers {part}: this backbone has layers 0 to {n_layers}; "
            f"expected {FORMS.format(last=n_layers)}"
        )
    return range(first, last + 1)


def average_frames(values: Tensor, by: int) -> Tensor:
    """Average every `by` consecutive frames of (K, T, D); the last group may be shorter."""
    if by == 1:
        return values
    whole = values.shape[1] // by * by
    means = values[:, :whole].reshape(len(values), -1, by, values.shape[2]).mean(2)
    rest = values[:, whole:].mean(1, keepdim=True)
    return means if whole == values.shape[1] else torch.cat([means, rest], 1)


def reduced(values: Tensor, how: str) -> Tensor:
    """Reduce K layers (K, T, D) to one (1, T, D) by `sum` or `mean`; `none` keeps them apart."""
    if how == "none" or len(values) == 1:
        return values
    total = values.float().sum(0, keepdim=True)
    return total / len(values) if how == "mean" else total
