"""The soup is the mean of weights, and of logits where the model is linear."""

import numpy as np
import pytest
import torch

from medusa.ensemble.linear import apply
from medusa.ensemble.soup import soup
from medusa.errors import RunError


def test_mean_by_hand() -> None:
    states = [{"w": torch.tensor([1.0, 2.0])}, {"w": torch.tensor([3.0, 6.0])}]
    assert soup(states)["w"].tolist() == [2, 4]


def test_soup_of_linear_maps_is_the_mean_of_their_logits() -> None:
    generator = torch.Generator().manual_seed(0)
    states = [
        {
            "weight": torch.randn(6, 9, generator=generator),
            "bias": torch.randn(6, generator=generator),
        }
        for _ in range(5)
    ]
    inputs = np.random.default_rng(0).random((20, 9))
    logits, attributes = apply(soup(states), inputs, 3)
    apart = [apply(state, inputs, 3) for state in states]
    assert attributes is not None
    assert logits == pytest.approx(np.mean([one for one, _ in apart], axis=0), abs=1e-6)
    assert attributes == pytest.approx(np.mean([one for _, one in apart], axis=0), abs=1e-6)


def test_models_that_differ_are_named() -> None:
    with pytest.raises(RunError, match="model 1 and model 0 have other bias, weight"):
        soup([{"weight": torch.ones(2)}, {"weight": torch.ones(3), "bias": torch.ones(1)}])
    with pytest.raises(RunError, match="at least one"):
        soup([])
