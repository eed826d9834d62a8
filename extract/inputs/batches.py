"""Which utterances share a batch: similar in length, within a budget, close in the corpus."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medusa.extract.inputs.segments import Segment

WINDOW = 1024  # utterances sorted together: enough for little padding, small enough to commit often


@dataclass(frozen=True)
class Utterance:
    """One segment of audio or one text to encode.

    Attributes:
        id: as in the manifest.
        content: its key in the store.
        source: the segment of audio, or the text.
        seconds: its length; for a text, the length of audio that costs as much to encode.
        language: the language that the manifest names.
    """

    id: str
    content: str
    source: Segment | str
    seconds: float
    language: str | None = None

    @property
    def label(self) -> str:
        """The utterance as an error names it."""
        where = self.source.path if isinstance(self.source, Segment) else "text"
        return f"{self.id} ({where})"

    def failure(self, problem: Exception) -> str:
        """Return an error with the utterance's id, and with its file unless the error names it."""
        named = isinstance(self.source, str) or str(self.source.path) in str(problem)
        return f"{self.id if named else self.label}: {problem}"


def plan_batches(
    utterances: Sequence[Utterance],
    batch_seconds: float,
    least_s: float = 0.0,
    window: int = WINDOW,
) -> Iterator[list[Utterance]]:
    """Group utterances into padded batches of at most `batch_seconds`; the longest come first.

    Args:
        utterances: in the manifest's order.
        batch_seconds: utterances in a batch times the longest of them, in seconds; an utterance
            that is longer by itself is a batch of one.
        least_s: the least seconds that an utterance counts.
        window: how many neighbours are sorted together.
    """
    for first in range(0, len(utterances), window):
        near = sorted(utterances[first : first + window], key=lambda one: -one.seconds)
        batch: list[Utterance] = []
        for utterance in near:
            longest = max(batch[0].seconds if batch else 0.0, least_s)
            if batch and (len(batch) + 1) * longest > batch_seconds:
                yield batch
                batch = []
            batch.append(utterance)
        yield batch
