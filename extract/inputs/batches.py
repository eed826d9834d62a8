"""Which utterances share a batch: alike in length, within a budget, not far apart in the corpus."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medusa.extract.inputs.segments import Segment

WINDOW = 1024  # utterances sorted together: enough for little padding, small enough to commit often


@dataclass(frozen=True)
class Utterance:
    """One thing to encode.

    Attributes:
        id: as in the manifest.
        content: its key in the store.
        source: the segment to hear, or the text to read.
        seconds: its length; of a text, of the audio that costs as much to encode.
        language: what the manifest says is spoken.
    """

    id: str
    content: str
    source: Segment | str
    seconds: float
    language: str | None = None

    @property
    def place(self) -> str:
        """The utterance as an error names it."""
        where = self.source.path if isinstance(self.source, Segment) else "text"
        return f"{self.id} ({where})"


def batches(
    utterances: Sequence[Utterance], budget_s: float, least_s: float = 0.0, window: int = WINDOW
) -> Iterator[list[Utterance]]:
    """Group utterances so that a padded batch is at most `budget_s` long; the longest come first.

    Args:
        utterances: in the manifest's order.
        budget_s: utterances in a batch times the longest of them, in seconds; an utterance that is
            longer by itself is a batch of one.
        least_s: what an utterance counts at least.
        window: how many neighbours are sorted together.
    """
    for first in range(0, len(utterances), window):
        near = sorted(utterances[first : first + window], key=lambda one: -one.seconds)
        batch: list[Utterance] = []
        for utterance in near:
            longest = max(batch[0].seconds if batch else 0.0, least_s)
            if batch and (len(batch) + 1) * longest > budget_s:
                yield batch
                batch = []
            batch.append(utterance)
        yield batch
