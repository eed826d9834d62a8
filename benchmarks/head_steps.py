"""One training step of our engine and of the published way on the same simulated batch."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import published
import torch
from torch.nn import functional as F

from medusa.cache import Packed
from medusa.heads.config import load
from medusa.heads.networks.flops import train_flop
from medusa.heads.networks.head import build

CLASSES, BATCH = 8, 16
FRAMES_PER_S, TOKENS_PER_S = 50, 3.4


def lengths(count: int, seed: int, kind: str = "at") -> np.ndarray:
    """Return (count, M) lengths of utterances of 1 to 20 s, log-normal with mean 5.7 s.

    Args:
        count: the number of utterances.
        seed: the seed of the draw.
        kind: one letter for each modality: `a` for audio, `t` for text.
    """
    rng = np.random.default_rng(seed)
    seconds = rng.lognormal(np.log(5.7) - 0.125, 0.5, count).clip(1, 20)
    rates = {"a": FRAMES_PER_S, "t": TOKENS_PER_S}
    columns = [np.maximum(3, seconds * rates[modality]).astype(int) for modality in kind]
    return np.stack(columns, 1)


def padding(sizes: np.ndarray) -> float:
    """Return the frames of a padded batch of lengths (B, M), divided by its true frames."""
    return float((sizes.max(0) * len(sizes)).sum() / sizes.sum())


def drawn() -> list[np.ndarray]:
    """Return the lengths of 999 random batches."""
    return [lengths(BATCH, 10 + seed) for seed in range(999)]


def typical(count: int) -> list[np.ndarray]:
    """Return `count` batches that represent the 999 random ones by the padding that they need.

    The batches are sorted by padding and cut into equal parts, and the middle of each part is
    taken. A few random batches could all happen to have similar lengths.
    """
    every = sorted(drawn(), key=padding)
    return [every[(2 * part + 1) * len(every) // (2 * count)] for part in range(count)]


@dataclass(frozen=True)
class Batch:
    """The same random utterances in both forms."""

    sizes: np.ndarray
    packed: list[Packed]
    padded: list[torch.Tensor]
    soft: torch.Tensor
    ratings: torch.Tensor

    @classmethod
    def random(cls, sizes: np.ndarray, widths: Sequence[int], device: torch.device) -> "Batch":
        """Make features for lengths (B, M)."""
        frames = [
            [torch.randn(int(length), width, device=device) for length in column]
            for column, width in zip(sizes.T, widths, strict=True)
        ]
        return cls(
            sizes,
            [Packed.of(modality) for modality in frames],
            [torch.nn.utils.rnn.pad_sequence(modality, True) for modality in frames],
            torch.softmax(torch.randn(len(sizes), CLASSES, device=device), 1),
            torch.rand(len(sizes), 3, device=device) * 6 + 1,
        )


class Ours:
    """The head that `fit-head` builds, and its training step."""

    def __init__(self, widths: Sequence[int], width: int, device: torch.device) -> None:
        config = load("medusa", (f"head.width={width}", f"head.feedforward={2 * width}"))
        self.head = build(config.head, widths, CLASSES).to(device).train()
        self.optimiser = torch.optim.AdamW(self.head.parameters(), 1e-5, fused=True)
        self.widths, self.device = widths, device

    def __call__(self, batch: Batch, bf16: bool = False) -> None:
        """Take one step."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            logits, attributes = self.head(batch.packed)
        loss = 1.5 * F.cross_entropy(logits.float(), batch.soft)
        loss = loss + 0.4 * F.mse_loss(attributes.float(), batch.ratings)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()

    def flop(self, batch: Batch) -> float:
        """Return the operations of a step, without any padding."""
        return train_flop(self.head, batch.sizes.tolist(), self.widths) or 0.0


class Published:
    """The head `published.DeepSER`, and its training step."""

    def __init__(self, widths: Sequence[int], width: int, device: torch.device) -> None:
        self.head = published.DeepSER(widths, width, 2 * width, CLASSES).to(device).train()
        self.optimiser = torch.optim.AdamW(self.head.parameters(), 1e-5)
        self.device = device

    def __call__(self, batch: Batch, bf16: bool = False) -> None:
        """Take one step."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            published.step(self.head, self.optimiser, batch.padded, batch.soft, batch.ratings)


def timed(work: Callable[[], Any], device: torch.device) -> float:
    """Return the CPU seconds of some work, or on a GPU the seconds until it is finished."""
    if device.type == "cuda":
        torch.cuda.synchronize()
        began = time.perf_counter()
        work()
        torch.cuda.synchronize()
        return time.perf_counter() - began
    began = time.process_time()
    work()
    return time.process_time() - began


def in_turn(
    sides: Sequence[Callable[[], Any]], rounds: int, device: torch.device
) -> list[list[float]]:
    """Return the seconds of each side in every round, (sides, rounds), taken in turn."""
    taken = [[timed(work, device) for work in sides] for _ in range(rounds)]
    return [list(side) for side in zip(*taken, strict=True)]


def ratio(taken: Sequence[Sequence[float]]) -> float:
    """Return the median seconds of the second side over those of the first."""
    return statistics.median(taken[1]) / statistics.median(taken[0])


def matmul_flop_s(device: torch.device, dtype: torch.dtype, size: int = 1536) -> float:
    """Return the operations per second of a large matrix product."""
    a = torch.randn(size, size, device=device, dtype=dtype)
    return 2.0 * size**3 / timed(lambda: a @ a, device)
