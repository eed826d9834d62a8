"""The size of a workspace's corpus, or of an imagined corpus."""

from collections.abc import Sequence
from dataclasses import dataclass

from medusa.manifests import Manifest
from medusa.manifests.texts import texts_of
from medusa.workspace import Workspace

MAX_IMAGINED = 200_000  # a larger corpus has entries that stand for several utterances


@dataclass(frozen=True)
class CorpusSize:
    """The seconds of every utterance to be encoded, and its text if it is known.

    In an imagined corpus, each entry may stand for several utterances.
    """

    seconds: Sequence[float]
    texts: Sequence[str] | None = None
    each: float = 1.0

    @classmethod
    def of_size(cls, utterances: int, hours: float) -> "CorpusSize":
        """Return an imagined corpus of this size, whose utterances are equally long."""
        shown = min(utterances, MAX_IMAGINED)
        return cls([hours * 3600 / utterances] * shown, each=utterances / shown)

    @property
    def count(self) -> int:
        """The number of utterances."""
        return round(len(self.seconds) * self.each)

    @property
    def all_s(self) -> float:
        """The total seconds of all utterances."""
        return sum(self.seconds) * self.each


def corpus_of(
    workspace: Workspace,
    text: str | None,
    utterances: int | None,
    hours: float | None,
    reading: bool,
) -> CorpusSize:
    """Return the size of the workspace's corpus, or of an imagined corpus.

    Args:
        workspace: the workspace with the manifest.
        text: the source of the texts.
        utterances: the number of utterances of an imagined corpus, given with `hours`.
        hours: the hours of speech of an imagined corpus.
        reading: whether a backbone reads texts.
    """
    if utterances is not None and hours is not None:
        return CorpusSize.of_size(utterances, hours)
    manifest = Manifest.read(workspace.manifest)
    seconds = manifest.frame["duration_s"].fillna(0.0).tolist()
    if not reading:
        return CorpusSize(seconds)
    _, by_id = texts_of(manifest, workspace.transcripts, text)
    return CorpusSize(seconds, by_id.tolist() if by_id.notna().all() else None)
