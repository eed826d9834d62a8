"""Every row of a manifest becomes a segment of audio to encode."""

import pandas as pd

from medusa.console import say
from medusa.errors import DataError, listed
from medusa.extract.inputs.batches import Utterance
from medusa.extract.inputs.segments import Segment
from medusa.manifests import Manifest

LONGEST_S = 600.0  # the whole utterance must fit into one shard of a store
LEFT_OUT = "they are left out here; heads leave them out with --missing drop"


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
