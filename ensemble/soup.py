"""The soup: one model whose weights are the mean of several (paper, section 3.6, stage 4)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medusa.errors import RunError, listed

if TYPE_CHECKING:
    from torch import Tensor

State = dict[str, "Tensor"]
StateScore = Callable[[State], float]


def soup(states: Sequence[Mapping[str, "Tensor"]]) -> State:
    """Average weights uniformly (Wortsman et al., 2022).

    The logits of a soup of linear models are the mean of the models' logits.

    Args:
        states: the weights of each model, by name. All models have one shape.

    Raises:
        RunError: there are no models, or their names or shapes differ.
    """
    import torch

    if not states:
        raise RunError("a soup needs at least one model, and there is none; set seeds to 1 or more")
    for number, state in enumerate(states):
        odd = set(state) ^ set(states[0])
        odd |= {name for name in set(state) & set(states[0]) if _differ(state, states[0], name)}
        if odd:
            raise RunError(
                f"model {number} and model 0 have other {listed(sorted(odd))}; "
                "average only models that were trained with the same inputs"
            )
    return {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}


def _differ(one: Mapping[str, "Tensor"], other: Mapping[str, "Tensor"], name: str) -> bool:
    return one[name].shape != other[name].shape


def greedy(states: Sequence[State], score: StateScore) -> State:
    """Add models to the soup, the best first, as long as its score does not fall.

    The score of the soup is at least the best score of a single model (Wortsman et al., 2022,
    recipe 1).
    """
    order = sorted(states, key=score, reverse=True)
    chosen = [order[0]]
    for state in order[1:]:
        if score(soup([*chosen, state])) >= score(soup(chosen)):
            chosen.append(state)
    return soup(chosen)


@dataclass(frozen=True)
class SoupRule:
    """A rule that makes one model of the models of all seeds.

    Attributes:
        title: the name of the result in tables, with the number of seeds in place of `{}`.
        combine: it gets the models and a function that scores a model.
    """

    title: str
    combine: Callable[[Sequence[State], StateScore], State]


SOUPS = {
    "uniform": SoupRule("linear, soup of {}", lambda states, score: soup(states)),
    "greedy": SoupRule("linear, greedy soup of {}", greedy),
    "none": SoupRule("linear, the first of {}", lambda states, score: soup(states[:1])),
}
