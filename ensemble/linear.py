"""The linear meta-classifier, trained for all seeds at once (paper, sections 3.5 and 3.6)."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from medusa.console import progress
from medusa.ensemble.soup import SOUPS, State
from medusa.ensemble.stack_inputs import HALF, MIDDLE, balanced_rows
from medusa.ensemble.stacker import (
    Fitted,
    StackConfig,
    StackInputs,
    StackOutput,
    Training,
    TrainSet,
    Weights,
)
from medusa.randomness import random_stream, seed_for
from medusa.scoring import balanced_draws, macro_f1

Array = npt.NDArray[np.float64]


def fit_soup(train_set: TrainSet, config: StackConfig) -> Fitted:
    """Train one map per seed and make a soup of them.

    A greedy soup is chosen on dev, or on the training rows if dev has no labels. The weights are
    named `soup.weight`, `soup.bias`, `seed_0.weight` and so on, as float64.
    """
    losses: list[float] = []
    epochs = config.training.resolved(train_set.labels.tolist()).epochs or 0
    with progress("linear", epochs, "epoch") as advance:

        def each_epoch(loss: float) -> None:
            losses.append(loss)
            advance(1, f"loss {loss:.3f}")

        states = train(train_set, range(config.seeds), config.training, each_epoch)
    judged = train_set.dev or train_set
    mean = SOUPS[config.soup].combine(states, lambda state: _score(state, judged))
    named = {"soup": mean} | {f"seed_{seed}": state for seed, state in enumerate(states)}
    return Fitted(
        {f"{run}.{key}": state[key].numpy() for run, state in named.items() for key in state},
        losses,
    )


def apply_soup(weights: Weights, inputs: StackInputs) -> StackOutput:
    """Predict with the soup, and with the map of every seed that is stored with it."""
    classes = inputs.posteriors.shape[-1]
    logits, attributes = apply(_state(weights, "soup"), inputs.matrix, classes)
    seeds = [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]
    seeds = sorted((name for name in seeds if name != "soup"), key=lambda name: int(name[5:]))
    each = [apply(_state(weights, name), inputs.matrix, classes)[0] for name in seeds]
    return StackOutput(logits, attributes, each)


def train(
    train_set: TrainSet,
    seeds: Sequence[int],
    training: Training,
    each_epoch: Callable[[float], None] = lambda loss: None,
    dtype: torch.dtype = torch.float32,
) -> list[State]:
    """Train the linear maps of all seeds in one batched product, as if each were trained alone.

    A seed decides the initial weights (uniform, as in `torch.nn.Linear`) and the class-balanced
    subset of every epoch. Class weights are uniform. There is no MixUp, and nothing after the map.

    Args:
        train_set: n labelled utterances.
        seeds: S numbers.
        training: the number of epochs, the rates and the weights.
        each_epoch: called with the loss of every epoch, averaged over the seeds.
        dtype: the type of number in which the maps are trained.

    Returns:
        S times {"weight": (O, I), "bias": (O,)} as float64. O is C + 3 with attributes, else C.
    """
    inputs = torch.from_numpy(train_set.inputs).to(dtype)
    inputs = torch.cat([inputs, inputs.new_ones(len(inputs), 1)], 1)  # a bias is the weight of 1
    soft = torch.from_numpy(train_set.soft).to(dtype)
    ratings = train_set.attributes
    known = None if ratings is None else torch.from_numpy(ratings).to(dtype)
    outputs = soft.shape[1] + (0 if known is None else 3)
    maps = _initial(seeds, outputs, inputs.shape[1] - 1).to(dtype)
    adam = torch.optim.AdamW([maps], training.lr, weight_decay=training.weight_decay, fused=True)
    epochs = training.resolved(train_set.labels.tolist()).epochs or 0
    for order in _orders(train_set.labels, seeds, epochs):
        total = 0.0
        for rows in torch.split(order, training.batch, dim=1):
            batch, batch_soft = _rows(inputs, rows), _rows(soft, rows)
            rated = None if known is None else _rows(known, rows)
            loss, gradient = _loss(batch @ maps.mT, batch_soft, rated, training)
            maps.grad = gradient.mT @ batch
            adam.step()
            total += float(loss.mean()) * rows.shape[1]
        each_epoch(total / order.shape[1])
    return [{"weight": seed[:, :-1], "bias": seed[:, -1].clone()} for seed in maps.double()]


def apply(state: State, inputs: Array, n_classes: int) -> tuple[Array, Array | None]:
    """Return logits (B, C) and attributes (B, 3) or None of a trained map for inputs (B, I)."""
    weight, bias = state["weight"].double(), state["bias"].double()
    outputs = torch.nn.functional.linear(torch.from_numpy(inputs), weight, bias).numpy()
    attributes = MIDDLE + HALF * outputs[:, n_classes:] if outputs.shape[1] > n_classes else None
    return outputs[:, :n_classes], attributes


def _initial(seeds: Sequence[int], outputs: int, inputs: int) -> Tensor:
    """Return weights and, in the last column, biases, (S, O, I + 1), uniform in ±1 / sqrt(I)."""
    drawn = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed_for(seed, "initial map"))
        shares = torch.rand(outputs, inputs + 1, generator=generator, dtype=torch.float64).float()
        drawn.append((2 * shares - 1) / math.sqrt(inputs))
    return torch.stack(drawn)


def _orders(labels: npt.NDArray[np.int64], seeds: Sequence[int], epochs: int) -> Tensor:
    """Return rows (epochs, S, n): a new shuffled balanced subset for every epoch and seed."""
    orders = []
    for seed in seeds:
        draws = balanced_draws(labels, epochs, rng=random_stream(seed, "rows of a map"))
        orders.append(random_stream(seed, "order of a map").permuted(draws, axis=1))
    return torch.from_numpy(np.stack(orders, 1))


def _rows(values: Tensor, rows: Tensor) -> Tensor:
    """Return the values (n, D) at rows (S, B), as (S, B, D)."""
    return values.index_select(0, rows.reshape(-1)).view(*rows.shape, -1)


def _loss(
    outputs: Tensor, soft: Tensor, attributes: Tensor | None, training: Training
) -> tuple[Tensor, Tensor]:
    """Return 1.5 CE + 0.4 MSE of every seed (equation 1), (S,), and its gradient (S, B, O).

    The CE is averaged over the batch, and the MSE over the attributes that are known in it. The
    gradient is written by hand, because recording it would take longer than everything else.
    """
    classes = soft.shape[-1]
    logits = outputs[..., :classes]
    logits = logits - logits.amax(-1, keepdim=True)  # torch's softmax is slow for few classes
    exp = logits.exp()
    total = exp.sum(-1, keepdim=True)
    entropy = (total.log().sum((1, 2)) - (soft * logits).sum((1, 2))) / soft.shape[1]
    error = (exp / total - soft) * (training.ce_weight / soft.shape[1])
    if attributes is None:
        return training.ce_weight * entropy, error
    known = ~attributes.isnan()
    difference = (MIDDLE + HALF * outputs[..., classes:] - attributes.nan_to_num()) * known
    count = known.sum((1, 2)).clamp(min=1)
    square = difference.square().sum((1, 2)) / count
    of_attributes = training.mse_weight * 2 * HALF * difference / count[:, None, None]
    loss = training.ce_weight * entropy + training.mse_weight * square
    return loss, torch.cat([error, of_attributes], -1)


def _state(weights: Weights, name: str) -> State:
    """Return one map of the weights."""
    return {
        key: torch.from_numpy(np.array(weights[f"{name}.{key}"], np.float64))
        for key in ("weight", "bias")
    }


def _score(state: State, judged: TrainSet) -> float:
    """Return the macro-F1 of a map on one class-balanced draw."""
    classes = judged.n_classes
    predicted = apply(state, judged.inputs, classes)[0].argmax(1)
    rows = balanced_rows(judged.labels)
    return macro_f1(judged.labels[rows], predicted[rows], classes)
