"""The size of a corpus: the utterances of a workspace, or a corpus that is only imagined."""

from collections.abc import Sequence
from dataclasses import dataclass

from medusa.manifests import Manifest
from medusa.manifests.texts import texts_of
from medusa.workspace import Workspace

MAX_IMAGINED = 200_000  # utterances that are imagined one by one


@dataclass(frozen=True)
class CorpusSize:
    """The seconds of every utterance to be encoded, and its text where that is known.

    In an imagined corpus, each entry may stand for several utterances.
    """

    seconds: Sequence[float]
    texts: Sequence[str] | None = None
    each: float = 1.0

    @classmethod
    def of_size(cls, utterances: int, hours: float) -> "CorpusSize":
        """Imagine a corpus of this size, all of its utterances of one length."""
        shown = min(utterances, MAX_IMAGINED)
        return cls([hours * 3600 / utterances] * shown, each=utterances / shown)

    @property
    def count(self) -> int:
        """How many utterances there are."""
        return round(len(self.seconds) * self.each)

    @property
    def all_s(self) -> float:
        """How many seconds they are together."""
        return sum(self.seconds) * self.each


def corpus_of(
    workspace: Workspace,
    text: str | None,
    utterances: int | None,
    hours: float | None,
    reading: bool,
) -> CorpusSize:
    """Return the workspace's corpus, with texts where a backbone reads them, or an imagined one."""
    if utterances is not None and hours is not None:
        return CorpusSize.of_size(utterances, hours)
    manifest = Manifest.read(workspace.manifest)
    seconds = manifest.frame["duration_s"].fillna(0.0).tolist()
    if not reading:
        return CorpusSize(seconds)
    _, by_id = texts_of(manifest, workspace.transcripts, text)
    return CorpusSize(seconds, by_id.tolist() if by_id.notna().all() else None)
