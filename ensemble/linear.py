"""The linear meta-classifier, trained for all seeds at once (paper, sections 3.5 and 3.6)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from medusa.scoring import balanced_draws

MIDDLE, HALF = 4.0, 3.0  # attributes live on 1..7; inside the map they are (a - 4) / 3
STEPS = 1000


@dataclass(frozen=True)
class TrainSet:
    """The labelled utterances of the split that a stacker is fitted on.

    Attributes:
        inputs: (n, I) the class scores of the members.
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
    """The training settings of the map. They are the paper's (section 4) where it gives them.

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
    """Train one linear map per seed in one batched product, as if each were trained alone.

    A seed decides its initial weights (uniform, as `torch.nn.Linear`) and its fresh class-balanced
    subset of every epoch. Class weights are uniform; there is no MixUp and nothing after the map.

    Args:
        train_set: n labelled utterances.
        seeds: S of them.
        training: rates and weights.
        each_epoch: called with every epoch's loss, averaged over the seeds.
        dtype: the type of number to compute with.

    Returns:
        S times {"weight": (O, I), "bias": (O,)} as float64, O = C + 3 with attributes, else C.
    """
    inputs = torch.from_numpy(train_set.inputs).to(dtype)
    inputs = torch.cat([inputs, inputs.new_ones(len(inputs), 1)], 1)  # the bias is a weight of it
    soft = torch.from_numpy(train_set.soft).to(dtype)
    ratings = train_set.attributes
    known = None if ratings is None else torch.from_numpy(ratings).to(dtype)
    outputs = soft.shape[1] + (0 if known is None else 3)
    maps = _initial(seeds, outputs, inputs.shape[1] - 1).to(dtype)
    adam = torch.optim.AdamW([maps], training.lr, weight_decay=training.weight_decay, fused=True)
    epochs = training.resolved(train_set.labels).epochs or 0
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
