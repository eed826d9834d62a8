"""The network of a head before it is fitted."""

import torch

from medusa.heads.config import Config
from medusa.heads.examples.join import Examples
from medusa.heads.networks.compile import compile_framewise
from medusa.heads.networks.fusion import Head, build
from medusa.heads.training.loss import auxiliary
from medusa.heads.training.scaling import standardise


def build_network(examples: Examples, config: Config) -> Head:
    """Build the head from its seed, with the scales of its training rows."""
    torch.manual_seed(config.seed)
    outputs = auxiliary(config.loss)
    head = build(config.head, examples.widths, len(examples.classes), outputs, examples.layers)
    standardise(head.scales, examples)
    if config.train.compile:
        compile_framewise(head)
    return head
