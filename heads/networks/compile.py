"""Optional use of torch.compile for the frame-by-frame operations of a head."""

from functools import partial
from typing import Any

import torch
from torch import nn

from medusa.heads.networks.encoder import TransformerLayer


def compile_framewise(head: nn.Module, backend: Any = "inductor") -> None:
    """Compile the part of every transformer layer that follows attention, for any number of frames.

    Attention is not compiled, because its groups differ in shape from batch to batch. All layers
    share their graphs, since their weights have the same shapes. Weights keep their names.
    """
    compiled = torch.compile(TransformerLayer.framewise, dynamic=True, backend=backend)
    for module in head.modules():
        if isinstance(module, TransformerLayer):
            # Copying a head (for its running average) copies a partial with the copy's weights.
            module.framewise = partial(compiled, module)  # type: ignore[method-assign]
