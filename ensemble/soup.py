"""The soup: one model whose weights are the mean of several (paper, section 3.6, stage 4)."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from medusa.errors import MedusaError, listed


class SoupError(MedusaError):
    """Weights that cannot be averaged."""


def soup(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Average weights uniformly (Wortsman et al., 2022).

    For a linear model this is also the model whose logits are the mean of the models' logits.

    Args:
        states: the weights by name, of models of the same shape.

    Raises:
        SoupError: there are none, or names or shapes differ.
    """
    if not states:
        raise SoupError("a soup needs at least one model")
    for number, state in enumerate(states):
        odd = set(state) ^ set(states[0])
        odd |= {name for name in set(state) & set(states[0]) if _differ(state, states[0], name)}
        if odd:
            raise SoupError(f"model {number} and model 0 have other {listed(sorted(odd))}")
    return {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}


def _differ(one: Mapping[str, Tensor], other: Mapping[str, Tensor], name: str) -> bool:
    return one[name].shape != other[name].shape
