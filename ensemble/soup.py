"""The soup: one model whose weights are the mean of several (paper, section 3.6, stage 4)."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from medusa.errors import RunError, listed

State = dict[str, Tensor]
Score = Callable[[State], float]


def soup(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Average weights uniformly (Wortsman et al., 2022).

    For a linear model this is also the model whose logits are the mean of the models' logits.

    Args:
        states: the weights by name, of models of the same shape.

    Raises:
        RunError: there are none, or names or shapes differ.
    """
    if not states:
        raise RunError("a soup needs at least one model")
    for number, state in enumerate(states):
        odd = set(state) ^ set(states[0])
        odd |= {name for name in set(state) & set(states[0]) if _differ(state, states[0], name)}
        if odd:
            raise RunError(f"model {number} and model 0 have other {listed(sorted(odd))}")
    return {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}


def _differ(one: Mapping[str, Tensor], other: Mapping[str, Tensor], name: str) -> bool:
    return one[name].shape != other[name].shape


def greedy(states: Sequence[State], score: Score) -> dict[str, Tensor]:
    """Add models to the soup, the best first, as long as its score does not fall.

    Never below the best single model on what `score` judges (Wortsman et al., 2022, recipe 1).
    """
    order = sorted(states, key=score, reverse=True)
    chosen = [order[0]]
    for state in order[1:]:
        if score(soup([*chosen, state])) >= score(soup(chosen)):
            chosen.append(state)
    return soup(chosen)


# how many states become one; `none` takes the first seed
SOUPS: dict[str, Callable[[Sequence[State], Score], State]] = {
    "uniform": lambda states, score: soup(states),
    "greedy": greedy,
    "none": lambda states, score: soup(states[:1]),
}
