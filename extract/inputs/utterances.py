"""What is to be encoded: every row of a manifest as a segment of audio, or as a text."""

import pandas as pd

from medusa.console import say
from medusa.errors import DataError, listed
from medusa.extract.inputs.batches import Utterance
from medusa.extract.inputs.segments import Segment
from medusa.manifests import Manifest, texts

LONGEST_S = 600.0  # one utterance lies whole in one shard of a store
LEFT_OUT = "they are left out here; heads leave them out with --missing drop"
CHARACTERS_PER_S = 200.0  # a token is about 4 characters, and costs about one frame of 20 ms


def audio_utterances(manifest: Manifest) -> list[Utterance]:
    """Return the rows as segments of audio; rows without audio are left out with a message.

    Raises:
        DataError: no row has audio, or some are longer than 10 minutes; all of them are named.
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
    long = frame["id"][frame["duration_s"] > LONGEST_S]
    if len(long):
        raise DataError(
            f"{len(long)} rows are longer than 10 minutes: {listed(long)}; give such recordings "
            "as several rows with start_s and duration_s"
        )
    starts = frame["start_s"].fillna(0.0)
    spoken = frame["language"] if "language" in frame else pd.Series(None, frame.index, object)
    named = [one if isinstance(one, str) else None for one in spoken]
    columns = zip(
        *(frame["id"], frame["content"], frame["path"], starts, frame["duration_s"], named),
        strict=True,
    )
    return [
        Utterance(
            name, content, Segment(manifest.audio_path(path), start, duration), duration, language
        )
        for name, content, path, start, duration, language in columns
    ]


def possible_texts(by_id: "pd.Series[str]", manifest: Manifest, source: str) -> "pd.Series[str]":
    """Return the texts, by id, without the missing ones of rows that have no audio to transcribe.

    A message names them. Where no row has a text, all are kept for `require_texts` to refuse.
    """
    silent = manifest.frame["content"].isna().to_numpy() & by_id.isna().to_numpy()
    if source == texts.MANIFEST or not silent.any() or by_id.isna().all():
        return by_id
    say(
        f"{silent.sum()} of {len(by_id)} rows have no audio and so no text in {source!r}: "
        f"{listed(by_id.index[silent])}; {LEFT_OUT}"
    )
    return by_id[~silent]


def text_utterances(by_id: "pd.Series[str]") -> list[Utterance]:
    """Return the texts, by id, as utterances; the content of a text is its digest."""
    return [
        Utterance(str(name), texts.content_of(text), text, len(text) / CHARACTERS_PER_S)
        for name, text in by_id.items()
    ]
