"""Utterances: every row of a manifest becomes a segment of audio to encode."""

from dataclasses import dataclass

import pandas as pd

from medusa.console import say
from medusa.errors import DataError, listed
from medusa.extract.inputs.segments import Segment, Sound
from medusa.manifests import Manifest

LONGEST_S = 600.0  # the whole utterance must fit into one shard of a store
LEFT_OUT = "they are left out here; heads leave them out with --missing drop"


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


def audio_utterances(manifest: Manifest) -> list[Utterance]:
    """Return the rows as segments of audio; rows without audio are left out with a message.

    Raises:
        DataError: no row has audio, or some rows are longer than 10 minutes; all are named.
    """
    frame = manifest.frame
    silent = frame[["path", "content", "duration_s"]].isna().any(axis=1)
    if silent.any():
        lacking = (
            f"{silent.sum()} of {len(frame)} rows have no audio: {listed(frame['id'][silent])}"
        )
        if silent.all():
            raise DataError(
                f"{lacking}; extract a text backbone, or import the corpus again where its audio is"
            )
        say(f"{lacking}; {LEFT_OUT}")
        frame = frame[~silent]
    too_long = frame["id"][frame["duration_s"] > LONGEST_S]
    if len(too_long):
        raise DataError(
            f"{len(too_long)} rows are longer than 10 minutes: {listed(too_long)}; divide such "
            "recordings into several rows with start_s and duration_s"
        )
    starts = frame["start_s"].fillna(0.0)
    spoken = frame["language"] if "language" in frame else pd.Series(None, frame.index, object)
    languages = [one if isinstance(one, str) else None for one in spoken]
    columns = zip(
        *(frame["id"], frame["content"], frame["path"], starts, frame["duration_s"], languages),
        strict=True,
    )
    return [
        Utterance(
            name, content, Segment(manifest.audio_path(path), start, duration), duration, language
        )
        for name, content, path, start, duration, language in columns
    ]
