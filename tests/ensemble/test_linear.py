"""The meta-classifier against a plain PyTorch loop, one seed at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from medusa.ensemble.linear import _loss, apply, train
from medusa.ensemble.stacker import Training, TrainSet
from medusa.randomness import random_stream, seed_for
from medusa.scoring.metrics import balanced_draws

RNG = np.random.default_rng(0)
LABELS = np.array([0] * 20 + [1] * 12 + [2] * 9)
TRAIN_SET = TrainSet(
    inputs=RNG.random((41, 6)) + np.eye(6)[LABELS],
    labels=LABELS,
    soft=(0.8 * np.eye(3) + 0.2 / 3)[LABELS].astype(np.float32),
    attributes=RNG.uniform(1, 7, (41, 3)).astype(np.float32),
    posteriors=np.zeros((0, 41, 3), np.float32),
)
TRAINING = Training(epochs=20, batch=10)


def plain_loop(seed: int, train_set: TrainSet, training: Training) -> torch.nn.Linear:
    """Train one map with torch's own layer, losses and optimiser."""
    inputs, soft = torch.from_numpy(train_set.inputs), torch.from_numpy(train_set.soft).double()
    layer = torch.nn.Linear(6, 6 if train_set.attributes is not None else 3).double()
    drawn = torch.Generator().manual_seed(seed_for(seed, "initial map"))
    initial = torch.rand(layer.out_features, 7, generator=drawn, dtype=torch.float64)
    initial = (initial * 2 - 1) / 6**0.5
    with torch.no_grad():
        layer.weight.copy_(initial[:, :6])
        layer.bias.copy_(initial[:, 6])
    adam = torch.optim.AdamW(layer.parameters(), lr=training.lr, weight_decay=0.01)
    draws = balanced_draws(
        train_set.labels, training.epochs, rng=random_stream(seed, "rows of a map")
    )
    for rows in random_stream(seed, "order of a map").permuted(draws, axis=1):
        for start in range(0, len(rows), training.batch):
            batch = torch.from_numpy(rows[start : start + training.batch])
            out = layer(inputs[batch])
            loss = 1.5 * torch.nn.functional.cross_entropy(out[:, :3], soft[batch])
            if train_set.attributes is not None:
                truth = torch.from_numpy(train_set.attributes).double()[batch]
                known = ~truth.isnan()
                loss = loss + 0.4 * (4 + 3 * out[:, 3:] - truth)[known].square().mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
    return layer


@pytest.mark.parametrize("attributes", ["all", "some", "none"])
def test_all_seeds_at_once_equal_a_plain_loop(attributes: str) -> None:
    known = TRAIN_SET.attributes.copy()
    known[::3, 1] = np.nan
    choice = {"all": TRAIN_SET.attributes, "some": known, "none": None}[attributes]
    train_set = replace(TRAIN_SET, attributes=choice)
    states = train(train_set, [0, 5], TRAINING, dtype=torch.float64)
    rounded = train(train_set, [0, 5], TRAINING)
    for seed, state in zip([0, 5], states, strict=True):
        layer = plain_loop(seed, train_set, TRAINING)
        assert torch.allclose(state["weight"], layer.weight, atol=1e-10)
        assert torch.allclose(state["bias"], layer.bias, atol=1e-10)
    for state, single in zip(states, rounded, strict=True):
        assert torch.allclose(state["weight"], single["weight"], atol=1e-5)


def test_a_seed_does_not_depend_on_the_others() -> None:
    together = train(TRAIN_SET, [3, 1], TRAINING, dtype=torch.float64)
    alone = train(TRAIN_SET, [1], TRAINING, dtype=torch.float64)
    assert torch.allclose(together[1]["weight"], alone[0]["weight"], atol=1e-12)
    assert not torch.allclose(together[0]["weight"], together[1]["weight"])


def test_it_learns() -> None:
    losses: list[float] = []
    (state,) = train(TRAIN_SET, [0], Training(epochs=400), losses.append)
    logits, attributes = apply(state, TRAIN_SET.inputs, 3)
    assert len(losses) == 400 and losses[-1] < losses[0] - 0.5
    assert (logits.argmax(1) == LABELS).mean() > 0.9
    assert attributes is not None and 1 < attributes.mean() < 7


def test_epochs_make_a_thousand_steps() -> None:
    # 3 x 9 balanced rows: 3 batches of 10 an epoch
    assert Training(batch=10).resolved(LABELS).epochs == 334
    assert Training().resolved(LABELS).epochs == 1000
    assert Training(epochs=7).resolved(LABELS).epochs == 7


def test_the_loss_of_an_epoch_is_that_of_equation_1() -> None:
    training = replace(TRAINING, epochs=1, batch=1000)
    losses: list[float] = []
    train(TRAIN_SET, [3], training, losses.append, torch.float64)
    drawn = torch.Generator().manual_seed(seed_for(3, "initial map"))
    initial = torch.rand(6, 7, generator=drawn, dtype=torch.float64)
    initial = (initial * 2 - 1) / 6**0.5
    rows = balanced_draws(LABELS, 1, rng=random_stream(3, "rows of a map"))[0]
    out = torch.from_numpy(TRAIN_SET.inputs[rows]) @ initial[:, :6].T + initial[:, 6]
    soft = torch.from_numpy(TRAIN_SET.soft[rows]).double()
    known = torch.from_numpy(TRAIN_SET.attributes[rows]).double()
    entropy = -(soft * out[:, :3].log_softmax(1)).sum(1).mean()
    square = (4 + 3 * out[:, 3:] - known).square().mean()
    assert losses == [pytest.approx(float(1.5 * entropy + 0.4 * square), rel=1e-6)]


def test_the_gradient_of_the_loss_is_that_of_autograd() -> None:
    soft = torch.from_numpy(TRAIN_SET.soft).double()[None]
    soft = soft / soft.sum(-1, keepdim=True)
    rated = torch.from_numpy(TRAIN_SET.attributes).double()[None].clone()
    rated[0, ::3, 1] = torch.nan
    outputs = torch.randn(1, 41, 6, generator=torch.Generator().manual_seed(0)).double()
    outputs.requires_grad_()
    loss, gradient = _loss(outputs, soft, rated, TRAINING)
    (expected,) = torch.autograd.grad(loss.sum(), outputs)
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-12)
