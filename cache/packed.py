"""Utterances laid end to end without padding: the shape in which all rooms exchange features."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int64, Num
from torch import Tensor


@dataclass(frozen=True)
class Packed:
    """B utterances of different lengths as one matrix.

    Attributes:
        values: (N, D) the frames of all utterances, one after the other; N is the sum of lengths.
        lengths: (B,) int64 the number of frames of each utterance, at least 1, on the CPU.
    """

    values: Num[Tensor, "N D"]
    lengths: Int64[Tensor, "B"]

    @property
    def offsets(self) -> Int64[Tensor, "B1"]:
        """(B + 1,) int64: utterance b is `values[offsets[b]:offsets[b + 1]]`."""
        return torch.cat([self.lengths.new_zeros(1), self.lengths.cumsum(0)])

    @property
    def owners(self) -> Int64[Tensor, "N"]:
        """(N,) int64: the number of the utterance to which each frame belongs."""
        return torch.repeat_interleave(self.lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def split(self) -> tuple[Tensor, ...]:
        """Return the utterances as B views of shape (T, D)."""
        return torch.split(self.values, self.lengths.tolist())

    def pad(self) -> tuple[Num[Tensor, "B T D"], Bool[Tensor, "B T"]]:
        """Return (B, T, D) padded with zeros, and the mask (B, T), which is true on frames."""
        padded = torch.nn.utils.rnn.pad_sequence(list(self.split()), batch_first=True)
        mask = torch.arange(padded.shape[1]) < self.lengths[:, None]
        return padded, mask.to(padded.device)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> "Packed":
        """Move the values to a device and convert them there; the lengths stay on the CPU."""
        values = self.values.to(device, non_blocking=True)
        return Packed(values.to(dtype or values.dtype), self.lengths)

    def like(self, values: Num[Tensor, "N E"]) -> "Packed":
        """Return other values (N, any width) for the same utterances."""
        return Packed(values, self.lengths)

    @classmethod
    def of(cls, utterances: Sequence[Tensor]) -> "Packed":
        """Pack B tensors (T, D)."""
        lengths = torch.tensor([len(utterance) for utterance in utterances], dtype=torch.int64)
        return cls(torch.cat(list(utterances)), lengths)


def cat(parts: Sequence[Packed]) -> Packed:
    """Join the same B utterances of several modalities along time, utterance by utterance.

    This is `h1 || g1 || z1` of Algorithm 2 for packed sequences: utterance b of the result is
    utterance b of each part, one after the other.
    """
    owners = torch.cat([part.owners for part in parts])
    device = parts[0].values.device
    order = torch.argsort(owners, stable=True).to(device, non_blocking=True)
    lengths = torch.stack([part.lengths for part in parts]).sum(0)
    return Packed(torch.cat([part.values for part in parts]).index_select(0, order), lengths)
