"""The weights of positions against their closed form, where it is known."""

from types import SimpleNamespace

import numpy as np
import torch

from medusa.heads.closed_form.positions import LEAST, RIDGE, best_positions
from medusa.heads.networks.pooling import KNOTS


def weights(between: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Return the weights that are found for two covariances between and within classes."""
    pair = (torch.from_numpy(between), torch.from_numpy(within))
    return best_positions([SimpleNamespace(covariances=lambda: pair)]).exp().numpy()


def test_one_informative_position_has_all_the_weight() -> None:
    between = np.diag([0.0, 0, 0, 1, 0, 0, 0, 0])
    expected = np.full(KNOTS, LEAST)
    expected[3] = 1
    np.testing.assert_allclose(weights(between, np.eye(KNOTS)), expected, rtol=1e-6)


def test_two_classes_have_the_weights_of_the_linear_discriminant() -> None:
    apart, variances = np.linspace(1, 2, KNOTS), np.geomspace(0.01, 5, KNOTS)
    ridge = RIDGE * variances.mean()
    expected = apart / (variances + ridge)  # W^-1 times the difference of the means
    found = weights(np.outer(apart, apart), np.diag(variances))
    np.testing.assert_allclose(found, np.maximum(expected / expected.max(), LEAST), rtol=1e-5)
    assert RIDGE == 0.01


def test_parts_count_by_their_averages_not_by_their_sizes() -> None:
    # Positions sums what it is given: twice the same utterances have the same covariances.
    from medusa.cache import Packed
    from medusa.heads.closed_form.positions import Positions

    torch.manual_seed(1)
    x = Packed.of([torch.randn(9, 2) for _ in range(12)])
    labels = torch.arange(12) % 3
    found = []
    for times in (1, 2):
        part = Positions(torch.eye(2), 3, torch.device("cpu"))
        for _ in range(times):
            part.add(x, labels)
        found.append(part.covariances())
    for first, second in zip(*found, strict=True):
        torch.testing.assert_close(first, second)
