"""Long clips are cut into pieces for an encoder, and the frames are joined to one sequence."""

from dataclasses import dataclass

import torch
from torch import Tensor

PUBLISHED_SAMPLES = 3000  # the published code's pieces, 0.19 s at 16 kHz
LAST_PIECE = "last_piece"  # This key is present if the last of several pieces is padded.


@dataclass(frozen=True)
class Cut:
    """How a clip is cut into pieces.

    Attributes:
        window: the samples in a piece.
        step: the samples from the start of one piece to the start of the next, a multiple of `hop`.
        hop: the samples from frame to frame.
        padded: whether the last of several pieces is padded with zeros to the window.
    """

    window: int
    step: int
    hop: int
    padded: bool = False

    @property
    def joined(self) -> bool:
        """Whether the pieces overlap, so that every frame of the whole clip is in a piece."""
        return self.step < self.window

    def pieces(self, samples: Tensor) -> list[Tensor]:
        """Return the pieces of samples (S,); the last one may be shorter, unless it is padded.

        Overlapping pieces end with the first piece that reaches the end of the clip.
        """
        last = max(len(samples) - self.window, 0) if self.joined else len(samples) - 1
        count = -(-last // self.step) + 1 if self.joined else last // self.step + 1
        pieces = [samples[i * self.step : i * self.step + self.window] for i in range(count)]
        if self.padded and count > 1:
            lacking = self.window - len(pieces[-1])
            pieces[-1] = torch.nn.functional.pad(pieces[-1], (0, lacking))
        return pieces

    def join(self, pieces: list[Tensor], frames: int) -> Tensor:
        """Join the frames (K, T_i, D) of the pieces to one sequence (K, T, D).

        Overlaps are cut in their middle, where both pieces contain the same amount of context.

        Args:
            pieces: the pieces, in order.
            frames: the number of frames T of the whole clip.
        """
        if not self.joined:
            return torch.cat(pieces, 1)
        step, half = self.step // self.hop, (self.window - self.step) // self.hop // 2
        starts = [i * step + half if i else 0 for i in range(len(pieces))] + [frames]
        kept = [
            piece[:, starts[i] - i * step : starts[i + 1] - i * step]
            for i, piece in enumerate(pieces)
        ]
        return torch.cat(kept, 1)


def cut_of(preprocessing: dict[str, object], rate_hz: int, hop: int) -> Cut | None:
    """Return how a backbone's choices cut its clips, or None if clips stay whole."""
    if preprocessing.get("like") == "medusa-published":
        return Cut(PUBLISHED_SAMPLES, PUBLISHED_SAMPLES, hop, LAST_PIECE in preprocessing)
    piece_s, overlap_s = preprocessing.get("piece_s"), preprocessing.get("overlap_s")
    if not isinstance(piece_s, float) or not isinstance(overlap_s, float):
        return None
    step = max(round((piece_s - overlap_s) * rate_hz / hop), 1) * hop
    return Cut(step + round(overlap_s * rate_hz / hop) * hop, step, hop)
