"""The output layers that map a fusion's x to class logits and attributes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Output(nn.Module):
    """Compute W_c relu(x) and W_r relu(x), the last two lines of Algorithm 2.

    Args:
        width: the width of x.
        classes: C.
        attribute_map: `linear`, which starts from the middle of the scale, or `sigmoid`, which is
            1 + 6 sigmoid(.) and cannot leave the scale (published code).
        linear: whether the relu is omitted.
        auxiliary: the names of further outputs: `neutral` (B, 1) and `secondary` (B, C).
    """

    def __init__(
        self,
        width: int,
        classes: int,
        attribute_map: str,
        linear: bool = False,
        auxiliary: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.linear = linear
        self.classes = nn.Linear(width, classes)
        self.attributes = nn.Linear(width, 3)
        self.attribute_map = ATTRIBUTE_MAPS[attribute_map]
        if attribute_map == "linear":
            with torch.no_grad():
                self.attributes.bias.fill_(4.0)
        sizes = {"neutral": 1, "secondary": classes}
        self.auxiliary = nn.ModuleDict({name: nn.Linear(width, sizes[name]) for name in auxiliary})

    def resize(self, shapes: Mapping[str, Sequence[int]]) -> None:
        """Take the sizes of a stored head's arrays, of which some hold rows of its training.

        Args:
            shapes: the shape of each array by its name in the head.
        """
        for name, array in self.classes.named_buffers():
            array.resize_(shapes.get(f"output.classes.{name}", array.shape))

    def forward(self, x: Float[Tensor, "B D"]) -> dict[str, Float[Tensor, "B _"]]:
        """Map (B, D) to logits `classes` (B, C), `attributes` (B, 3) and the further outputs."""
        h = x if self.linear else torch.relu(x)
        outputs = {name: one(h) for name, one in self.auxiliary.items()}
        outputs["classes"] = self.classes(h)
        outputs["attributes"] = self.attribute_map(self.attributes(h))
        return outputs


class NeutralOutput(Output):
    """Output layers for an x of two halves: `neutral` reads the second half, the others the first.

    The arguments are those of `Output`. `width` is that of the whole x.
    """

    def __init__(self, width: int, *settings: Any, **further: Any) -> None:
        super().__init__(width // 2, *settings, **further)

    def forward(self, x: Float[Tensor, "B D"]) -> dict[str, Float[Tensor, "B _"]]:
        """Map (B, D) to the outputs, as `Output` does."""
        classes, neutral = x.chunk(2, dim=1)
        outputs = super().forward(classes)
        if "neutral" in self.auxiliary:
            outputs["neutral"] = self.auxiliary["neutral"](torch.relu(neutral))
        return outputs


ATTRIBUTE_MAPS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda raw: raw,
    "sigmoid": lambda raw: 1 + 6 * torch.sigmoid(raw),
}
