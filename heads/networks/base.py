"""The interface of all fusion networks: how they are built, and what their classes declare."""

from collections.abc import Sequence
from typing import ClassVar

from torch import nn

from medusa.heads.config import Config, HeadConfig
from medusa.heads.networks.output import Output
from medusa.heads.networks.pooling import POOLS


class Fusion(nn.Module):
    """A network that maps M packed modalities of the same B utterances to x, (B, D).

    A subclass is built from the settings and the M feature widths, and it is an entry of `HEADS`.
    Everything that the program asks about a head is an attribute of its class.

    Attributes:
        out_width: D, which `__init__` sets.
        fitted_by: how the weights are found: `steps` of training, `moments` of the training rows
            in closed form, or a convex problem of the pooled training `rows`. Without steps, the
            channels are standardised, and frames are not averaged before the head.
        output_type: the class of the output layers.
        linear_output: whether there is no relu between x and the output layers.
        pools_streams: whether each stream is pooled alone, so that positions have a meaning.
        layers_over_frames: whether there are layers over frames, whose activations need memory.
        attends_by_modality: whether every modality has attention heads of its own number.
        table_batch: the size of the batches, in the order of the table, on which predictions
            depend; None if a prediction depends on its utterance alone.
    """

    fitted_by: ClassVar[str] = "steps"
    output_type: ClassVar[type[Output]] = Output
    linear_output: ClassVar[bool] = False
    pools_streams: ClassVar[bool] = False
    layers_over_frames: ClassVar[bool] = True
    attends_by_modality: ClassVar[bool] = False
    table_batch: ClassVar[int | None] = None
    out_width: int

    def __init__(self, config: HeadConfig, widths: Sequence[int]) -> None:
        super().__init__()

    @classmethod
    def average_frames(cls, config: HeadConfig) -> int:
        """Return how many audio frames are averaged into one before the network."""
        return config.average_frames if cls.fitted_by == "steps" else 1

    @classmethod
    def problems(cls, config: Config) -> list[str]:
        """Return a line for every setting that this network cannot use."""
        problems, head = [], config.head
        if head.width % head.attention_heads:
            problems.append("head.attention_heads: it must divide head.width")
        if head.functionals != HeadConfig().functionals and head.pooling != "functionals":
            problems.append("head.functionals: only head.pooling=functionals reads it; set that")
        if head.heads_by_modality != (1,) and not cls.attends_by_modality:
            problems.append("head.heads_by_modality: only cross_attention reads it; leave it out")
        if POOLS[head.pooling].by_position and not cls.pools_streams:
            problems.append(
                f"head.pooling: {head.name} has no use for {head.pooling}; set it to mean"
            )
        return problems
