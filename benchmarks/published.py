"""The published way to train a head, written from the paper: padded, unmasked, fp32, .npy files.

The code is independent of `medusa.heads`. The published batch loop lacks the optimiser step, which
is added here.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, WeightedRandomSampler


class Enc(nn.Module):
    """Algorithm 1 with PyTorch's own layers."""

    def __init__(self, inputs: int, width: int, feedforward: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(inputs, width), nn.Linear(width, width)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 1, feedforward, 0.1, batch_first=True)
            for _ in range(2)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (B, T, inputs) to h1, h2 (B, T, D) and h3 (B, D), whose mean includes the padding."""
        x = self.second(torch.relu(self.first(x)))
        h1 = self.layers[0](x)
        h2 = self.layers[1](h1)
        return h1, h2, h2.mean(1)


class DeepSER(nn.Module):
    """Algorithm 2 on padded batches."""

    def __init__(self, inputs: Sequence[int], width: int, feedforward: int, classes: int) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(Enc(size, width, feedforward) for size in inputs)
        self.fusions = nn.ModuleList(Enc(width, width, feedforward) for _ in range(2))
        self.join = nn.Linear((len(inputs) + 1) * width, width)
        self.classes, self.attributes = nn.Linear(width, classes), nn.Linear(width, 3)

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Map M padded modalities (B, T, D_m) to logits (B, C) and attributes (B, 3)."""
        h1, h2, h3 = zip(*(e(x) for e, x in zip(self.encoders, inputs, strict=True)), strict=True)
        _, f1, _ = self.fusions[0](torch.cat(h1, 1))
        _, _, f2 = self.fusions[1](torch.cat([*h2, f1], 1))
        x = torch.relu(self.join(torch.cat([*h3, f2], 1)))
        return self.classes(x), 1 + 6 * torch.sigmoid(self.attributes(x))


class Files(Dataset[tuple[list[Tensor], Tensor, Tensor]]):
    """A data set with one .npy file per utterance and modality."""

    def __init__(self, folder: Path, soft: Tensor, ratings: Tensor, modalities: int) -> None:
        self.folder, self.soft, self.ratings, self.modalities = folder, soft, ratings, modalities

    def __len__(self) -> int:
        return len(self.soft)

    def __getitem__(self, row: int) -> tuple[list[Tensor], Tensor, Tensor]:
        files = [self.folder / f"{row}_{number}.npy" for number in range(self.modalities)]
        frames = [torch.from_numpy(np.load(file).astype(np.float32)) for file in files]
        return frames, self.soft[row], self.ratings[row]


def pad(rows: Sequence[tuple[list[Tensor], Tensor, Tensor]]) -> tuple[list[Tensor], Tensor, Tensor]:
    """Pad a batch with zeros."""
    frames = zip(*(row[0] for row in rows), strict=True)
    padded = [nn.utils.rnn.pad_sequence(list(one), batch_first=True) for one in frames]
    return padded, torch.stack([row[1] for row in rows]), torch.stack([row[2] for row in rows])


def step(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    inputs: Sequence[Tensor],
    soft: Tensor,
    ratings: Tensor,
) -> None:
    """Take one training step; the loss is 1.5 cross-entropy plus 0.4 squared error."""
    logits, attributes = model(inputs)
    loss = 1.5 * nn.functional.cross_entropy(logits.float(), soft)
    loss = loss + 0.4 * nn.functional.mse_loss(attributes.float(), ratings)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def epoch(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    files: Dataset[tuple[list[Tensor], Tensor, Tensor]],
    dev: Dataset[tuple[list[Tensor], Tensor, Tensor]],
    device: torch.device,
    workers: int = 0,
) -> None:
    """Train for one epoch, and predict the dev split after it."""
    model.train()
    loader = DataLoader(files, 16, shuffle=True, collate_fn=pad, num_workers=workers)
    for inputs, soft, ratings in loader:
        moved = [one.to(device) for one in inputs]
        step(model, optimiser, moved, soft.to(device), ratings.to(device))
    model.eval()
    with torch.no_grad():
        for inputs, _, _ in DataLoader(dev, 16, collate_fn=pad, num_workers=workers):
            model([one.to(device) for one in inputs])


def stacker(
    inputs: Tensor,
    labels: Tensor,
    soft: Tensor,
    ratings: Tensor,
    rows: int,
    epochs: int,
    seed: int,
) -> None:
    """Train one linear meta-classifier in a DataLoader loop, with balanced batches of 128."""
    torch.manual_seed(seed)
    weights = 1 / torch.bincount(labels)[labels].double()
    sampler = WeightedRandomSampler(weights.tolist(), rows)
    loader = DataLoader(TensorDataset(inputs, soft, ratings), 128, sampler=sampler)
    classes = soft.shape[1]
    model = nn.Linear(inputs.shape[1], classes + ratings.shape[1])
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3)
    for _ in range(epochs):
        for x, target, rated in loader:
            outputs = model(x)
            loss = 1.5 * nn.functional.cross_entropy(outputs[:, :classes], target)
            loss = loss + 0.4 * nn.functional.mse_loss(outputs[:, classes:], rated)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
