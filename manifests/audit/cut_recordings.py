"""This part of the audit finds copies of a corpus whose recordings were cut to one length.

Some copies of EmoDB hold exactly two seconds of every recording, so long sentences end in mid-word.
Scores on such a copy compare systems, but they cannot be compared with published scores.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from medusa.errors import plural
from medusa.manifests.audio import decoding, each
from medusa.manifests.audit.findings import Finding, Subject

FEWEST = 20  # With fewer recordings, equal lengths may be chance.
MOST_HEARD = 60  # The ends of so many recordings are decoded.
END_S, WINDOW_S = 0.1, 0.05
SPEECH_DB = -25.0  # An end above this, relative to the loudest window, is speech.
SILENCE_DB = -120.0
CUT_SHARE = 1 / 3  # Even of recordings that were cut, some end before the cut.


def cut_recordings(subject: Subject) -> Iterator[Finding]:
    """Find that most recordings have one exact length while speech goes on at their ends."""
    rows = subject.frame.dropna(subset=["path", "duration_s"])
    whole = rows[~rows["path"].duplicated(keep=False)]
    lengths = whole["duration_s"].astype(float)
    counts = lengths.value_counts()
    if len(whole) < FEWEST or 2 * counts.iloc[0] <= len(whole):
        return
    length_s = float(counts.index[0])
    equal = whole[lengths == length_s]
    sample = equal.iloc[np.unique(np.linspace(0, len(equal) - 1, MOST_HEARD).astype(int))]
    levels, _ = each(end_db, [subject.folder / str(path) for path in sample["path"]])
    speaking = sum(level > SPEECH_DB for level in levels.values())
    if not levels or speaking / len(levels) < CUT_SHARE:
        return
    message = (
        f"{len(equal)} of {plural(len(whole), 'recording')} last exactly {length_s:g} s, and "
        f"{speaking} of {len(levels)} that were decoded end in the middle of speech: they were cut"
    )
    remedy = (
        "look for the whole recordings, or for the uncut copy of a published corpus; scores on "
        "these compare systems only"
    )
    yield Finding("warning", "audio", message, remedy, tuple(equal["id"].astype(str)))


def end_db(path: Path) -> float:
    """Return the level of the last 100 ms, in dB relative to the loudest 50 ms; at least -120 dB.

    Raises:
        AudioError: the file cannot be decoded.
    """
    with decoding(path) as file:
        rate = file.samplerate
        sound = file.read(dtype="float32", always_2d=True).mean(axis=1)
    window = max(round(WINDOW_S * rate), 1)
    power = np.square(np.pad(sound, (0, -len(sound) % window))).reshape(-1, window).mean(axis=1)
    loudest = float(power.max(initial=0.0))
    if not loudest:
        return SILENCE_DB
    end = float(np.square(sound[-round(END_S * rate) :]).mean())
    return float(10 * np.log10(max(end / loudest, 1e-12)))
