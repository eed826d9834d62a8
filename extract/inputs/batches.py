"""Utterances share a batch if they are similar in length and close in the corpus."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medusa.extract.inputs.segments import Segment, Sound

WINDOW = 1024  # the utterances sorted at a time: many for little padding, few to commit often


@dataclass(frozen=True)
class Utterance:
    """One segment of audio or one text to encode.

    Attributes:
        id: the id in the manifest.
        content: the key in the store.
        source: the segment of a file, the sound in memory, or the text.
        seconds: the length; for a text, the length of audio that costs as much to encode.
        language: the language that the manifest names.
        is_checked: whether the file must still have the digest that is in `content`.
    """

    id: str
    content: str
    source: Segment | Sound | str
    seconds: float
    language: str | None = None
    is_checked: bool = True

    @property
    def label(self) -> str:
        """The name of the utterance in an error."""
        if isinstance(self.source, Segment):
            return f"{self.id} ({self.source.path})"
        return self.id if isinstance(self.source, Sound) else f"{self.id} (text)"

    def failure(self, problem: Exception) -> str:
        """Return an error with the utterance's id, and with its file unless the error names it.

        An error that begins with the id, which may be a path, stays as it is; so does an error of
        an utterance without an id.
        """
        if not self.id or str(problem).startswith(f"{self.id}:"):
            return str(problem)
        path = str(self.source.path) if isinstance(self.source, Segment) else ""
        is_named = path in str(problem)
        return f"{self.id if is_named else self.label}: {problem}"


def plan_batches(
    utterances: Sequence[Utterance],
    batch_seconds: float,
    least_s: float = 0.0,
    window: int = WINDOW,
) -> Iterator[list[Utterance]]:
    """Group utterances into padded batches of at most `batch_seconds`; the longest come first.

    Args:
        utterances: the utterances in the manifest's order.
        batch_seconds: the utterances in a batch times the longest of them, in seconds; a longer
            utterance is a batch of its own.
        least_s: the least seconds that an utterance counts.
        window: the number of neighbours that are sorted at a time.
    """
    for first in range(0, len(utterances), window):
        neighbours = sorted(utterances[first : first + window], key=lambda one: -one.seconds)
        batch: list[Utterance] = []
        for utterance in neighbours:
            longest = max(batch[0].seconds if batch else 0.0, least_s)
            if batch and (len(batch) + 1) * longest > batch_seconds:
                yield batch
                batch = []
            batch.append(utterance)
        yield batch
