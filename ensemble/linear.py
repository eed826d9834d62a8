"""The linear meta-classifier, trained for all seeds at once (paper, sections 3.5 and 3.6)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from medusa.scoring.metrics import balanced_draws

MIDDLE, HALF = 4.0, 3.0  # attributes live on 1..7; inside the map they are (a - 4) / 3
STEPS = 1000


@dataclass(frozen=True)
class TrainSet:
    """What a stacker learns from: labelled utterances of the split it is fitted on.

    Attributes:
        inputs: (n, I) what the members say.
        labels: (n,) consensus classes, for balancing.
        soft: (n, C) the targets, rows summing to one.
        attributes: (n, 3), NaN where unknown, or None where the corpus has none.
    """

    inputs: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    soft: npt.NDArray[np.float32]
    attributes: npt.NDArray[np.float32] | None


@dataclass(frozen=True)
class Training:
    """How the map is trained: the paper's values (section 4), where it gives them.

    Attributes:
        epochs: a fixed number, since nothing is held out to stop at. None: as many as make 1,000
            optimiser steps, whatever the size of the corpus; after much fewer the random start
            still shows, after many more a small split is learnt by heart.
        weight_decay: PyTorch's default.
    """

    epochs: int | None = None
    batch: int = 128
    lr: float = 1e-3
    weight_decay: float = 0.01
    ce_weight: float = 1.5
    mse_weight: float = 0.4

    def resolved(self, labels: npt.NDArray[np.int64]) -> "Training":
        """Return the same with `epochs` as a number, for training labels (n,)."""
        counts = np.unique(labels, return_counts=True)[1]
        steps = math.ceil(int(counts.min()) * len(counts) / self.batch)
        return replace(self, epochs=self.epochs or math.ceil(STEPS / steps))


def train(
    train_set: TrainSet,
    seeds: Sequence[int],
    training: Training,
    each_epoch: Callable[[float], None] = lambda loss: None,
    dtype: torch.dtype = torch.float32,
) -> list[dict[str, Tensor]]:
    """Train one linear map per seed, all in one batched product; equal to training them apart.

    A seed decides its initial weights (uniform, as `torch.nn.Linear`) and its fresh class-balanced
    subset of every epoch. Class weights are uniform; there is no MixUp and nothing after the map.

    Args:
        train_set: n labelled utterances.
        seeds: S of them.
        training: rates and weights.
        each_epoch: called with every epoch's loss, averaged over the seeds.
        dtype: to compute in.

    Returns:
        S times {"weight": (O, I), "bias": (O,)} as float64, O = C + 3 with attributes, else C.
    """
    columns = [np.arange(train_set.inputs.shape[1])]
    return train_subsets(train_set, columns, seeds, training, each_epoch, dtype)[0]


def train_subsets(
    train_set: TrainSet,
    subsets: Sequence[npt.NDArray[np.int64]],
    seeds: Sequence[int],
    training: Training,
    each_epoch: Callable[[float], None] = lambda loss: None,
    dtype: torch.dtype = torch.float32,
) -> list[list[dict[str, Tensor]]]:
    """Train maps of several sets of inputs, all sets and seeds in one batched product.

    Equal to training each set apart: what a set does not read has weights 0 that never move. A
    seed's rows are gathered once for all sets.

    Args:
        train_set: n labelled utterances with all inputs.
        subsets: K times the columns (I_k,) that a set reads, in its own order.
        seeds, training, each_epoch, dtype: see `train`.

    Returns:
        For every set what `train` returns of its columns alone.
    """
    inputs = torch.from_numpy(train_set.inputs).to(dtype)
    inputs = torch.cat([inputs, inputs.new_ones(len(inputs), 1)], 1)  # the bias is a weight of it
    soft = torch.from_numpy(train_set.soft).to(dtype)
    known = (
        None if train_set.attributes is None else torch.from_numpy(train_set.attributes).to(dtype)
    )
    outputs = soft.shape[1] + (0 if known is None else 3)
    places = [torch.from_numpy(np.append(columns, inputs.shape[1] - 1)) for columns in subsets]
    maps, read = _spread(places, seeds, outputs, inputs)
    adam = torch.optim.AdamW([maps], training.lr, weight_decay=training.weight_decay, fused=True)
    epochs, sets = training.resolved(train_set.labels).epochs or 0, len(subsets)
    for order in _orders(train_set.labels, seeds, epochs):
        total = 0.0
        for rows in torch.split(order, training.batch, dim=1):
            seen = _rows(inputs, rows)
            loss, error = _loss(
                _apart(seen @ maps.mT, sets),
                _repeated(_rows(soft, rows), sets),
                None if known is None else _repeated(_rows(known, rows), sets),
                training,
            )
            maps.grad = (_together(error, sets).mT @ seen).mul_(read)
            adam.step()
            total += float(loss.mean()) * rows.shape[1]
        each_epoch(total / order.shape[1])
    trained = maps.double().view(len(seeds), sets, outputs, -1)
    return [
        [{"weight": one[:, at[:-1]], "bias": one[:, -1].clone()} for one in trained[:, number]]
        for number, at in enumerate(places)
    ]


def apply(
    state: dict[str, Tensor], inputs: npt.NDArray[np.float64], n_classes: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None]:
    """Return logits (B, C) and attributes (B, 3) or None of a trained map for inputs (B, I)."""
    weight, bias = state["weight"].double(), state["bias"].double()
    outputs = torch.nn.functional.linear(torch.from_numpy(inputs), weight, bias).numpy()
    attributes = MIDDLE + HALF * outputs[:, n_classes:] if outputs.shape[1] > n_classes else None
    return outputs[:, :n_classes], attributes


def _initial(seeds: Sequence[int], outputs: int, inputs: int) -> Tensor:
    """Return weights and, last, biases, (S, O, I + 1), uniform within 1 / sqrt(I)."""
    drawn = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        shares = torch.rand(outputs, inputs + 1, generator=generator, dtype=torch.float64).float()
        drawn.append((2 * shares - 1) / math.sqrt(inputs))
    return torch.stack(drawn)


def _spread(
    places: Sequence[Tensor], seeds: Sequence[int], outputs: int, inputs: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the first maps (S, K O, I + 1), a set's weights in its columns, and where they are."""
    maps = inputs.new_zeros(len(seeds), len(places) * outputs, inputs.shape[1])
    read = inputs.new_zeros(len(places) * outputs, inputs.shape[1])
    for number, at in enumerate(places):
        rows = slice(number * outputs, (number + 1) * outputs)
        maps[:, rows, at] = _initial(seeds, outputs, len(at) - 1).to(inputs.dtype)
        read[rows, at] = 1
    return maps, read


def _apart(values: Tensor, sets: int) -> Tensor:
    """Return (S K, B, O) of (S, B, K O)."""
    many, batch, _ = values.shape
    return values.view(many, batch, sets, -1).transpose(1, 2).flatten(0, 1)


def _together(values: Tensor, sets: int) -> Tensor:
    """Return (S, B, K O) of (S K, B, O)."""
    every, batch, outputs = values.shape
    return values.view(every // sets, sets, batch, outputs).transpose(1, 2).flatten(2)


def _repeated(values: Tensor, sets: int) -> Tensor:
    """Return (S K, B, any) of (S, B, any): the same for every set."""
    return values[:, None].expand(-1, sets, -1, -1).flatten(0, 1)


def _orders(labels: npt.NDArray[np.int64], seeds: Sequence[int], epochs: int) -> Tensor:
    """Return (epochs, S, n) rows: every epoch and seed a fresh balanced subset, shuffled."""
    orders = []
    for seed in seeds:
        draws = balanced_draws(labels, draws=epochs, seed=seed)
        orders.append(np.random.default_rng([seed, 1]).permuted(draws, axis=1))
    return torch.from_numpy(np.stack(orders, 1))


def _rows(values: Tensor, rows: Tensor) -> Tensor:
    """Return (S, B, any) of values (n, any) at rows (S, B)."""
    return values.index_select(0, rows.reshape(-1)).view(*rows.shape, -1)


def _loss(
    outputs: Tensor, soft: Tensor, attributes: Tensor | None, training: Training
) -> tuple[Tensor, Tensor]:
    """1.5 CE + 0.4 MSE per seed (equation 1): (S,), and its gradient, from outputs (S, B, O).

    The CE is averaged over the batch, the MSE over the attributes that are known in it. The
    gradient is written out, since recording it would take longer than everything else.
    """
    classes = soft.shape[-1]
    logits = outputs[..., :classes]
    logits = logits - logits.amax(-1, keepdim=True)  # torch's softmax is slow over few classes
    odds = logits.exp()
    both = odds.sum(-1, keepdim=True)
    entropy = (both.log().sum((1, 2)) - (soft * logits).sum((1, 2))) / soft.shape[1]
    error = (odds / both - soft) * (training.ce_weight / soft.shape[1])
    if attributes is None:
        return training.ce_weight * entropy, error
    known = ~attributes.isnan()
    apart = (MIDDLE + HALF * outputs[..., classes:] - attributes.nan_to_num()) * known
    count = known.sum((1, 2)).clamp(min=1)
    square = apart.square().sum((1, 2)) / count
    of_attributes = training.mse_weight * 2 * HALF * apart / count[:, None, None]
    loss = training.ce_weight * entropy + training.mse_weight * square
    return loss, torch.cat([error, of_attributes], -1)
