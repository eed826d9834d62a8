"""torch.compile, for what a head does frame by frame; optional."""

from functools import partial
from typing import Any

import torch
from torch import nn

from medusa.heads.networks.encoder import TransformerLayer


def compile_framewise(head: nn.Module, backend: Any = "inductor") -> None:
    """Compile the part of every transformer layer that follows attention, for any number of frames.

    Attention is left as it is: its groups differ in shape from batch to batch. All layers share
    their graphs, since their weights have the same shapes. Weights keep their names.
    """
    compiled = torch.compile(TransformerLayer.framewise, dynamic=True, backend=backend)
    for module in head.modules():
        if isinstance(module, TransformerLayer):
            # of a partial a copy of the head (its running average) has one with its own weights
            module.framewise = partial(compiled, module)  # type: ignore[method-assign]
