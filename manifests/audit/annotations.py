"""This part of the audit checks votes, transcripts and the durations of the clips."""

import zlib
from collections.abc import Iterator

import numpy as np
import pandas as pd

from medusa.errors import DataError, plural
from medusa.manifests import texts
from medusa.manifests.audit.findings import Finding, Subject
from medusa.manifests.label_scheme import ATTRIBUTES

SHORTEST_S, LONGEST_S = 0.2, 30.0
COMPRESSION = 2.4  # Whisper itself uses this bound for repetitive texts.
REPEATS = 4  # A text is repetitive if it has a phrase this many times in a row.
MOST_WORDS = 6  # Such a phrase has at most this many words.


def durations(subject: Subject) -> Iterator[Finding]:
    """Find clips shorter than 0.2 s or longer than 30 s."""
    length = subject.frame["duration_s"].astype(float)
    kinds = {
        f"shorter than {SHORTEST_S:g} s": (length < SHORTEST_S, "they have hardly any sound"),
        f"longer than {LONGEST_S:g} s": (length > LONGEST_S, "Whisper reads them in windows"),
    }
    for kind, (which, why) in kinds.items():
        if which.any():
            remedy = f"check them ({why}); leave them out, or cut them into utterances"
            message = f"{plural(which.sum(), 'clip is')} {kind}"
            yield Finding("warning", "durations", message, remedy, subject.ids(which))


def same_audio(subject: Subject) -> Iterator[Finding]:
    """Find ids that share one recording within a split; `splits` finds those across splits."""
    clips = subject.frame.dropna(subset="content").drop_duplicates("id")
    twice = clips["content"].duplicated(keep=False)
    leaked = clips.groupby("content")["split"].transform("nunique") > 1
    rows = clips[twice & ~leaked].sort_values("content", kind="stable")
    if len(rows):
        message = f"{plural(len(rows), 'row has')} the same audio as another row"
        remedy = "keep one row of each group, or accept that the recording counts several times"
        yield Finding("warning", "same audio", message, remedy, tuple(rows["id"].astype(str)))


def entropy(subject: Subject) -> Iterator[Finding]:
    """Note the mean entropy of the soft labels."""
    soft = subject.frame[subject.scheme.columns].dropna().to_numpy(float)
    soft = soft[(soft >= 0).all(axis=1)]
    if not soft.size or (soft.max(axis=1) > 1 - 1e-6).all():
        return
    logs = np.log2(soft, out=np.zeros_like(soft), where=soft > 0)
    bits = -(soft * logs).sum(axis=1)
    whole = (soft.max(axis=1) > 1 - 1e-6).mean()
    message = (
        f"soft labels have {bits.mean():.2f} bits of entropy on average (of "
        f"{np.log2(soft.shape[1]):.2f}); {whole:.0%} of the rows are unanimous"
    )
    yield Finding("note", "entropy", message, "nothing; hard labels would lose this information")


def agreement(subject: Subject) -> Iterator[Finding]:
    """Note Krippendorff's alpha of the classes (nominal) and the attributes (interval)."""
    votes = subject.votes
    if votes is None or not votes["id"].duplicated().any():
        return
    primaries = votes.dropna(subset="primary")
    word = primaries["primary"].where(~primaries["primary"].str.startswith("other"), "other")
    found = {"classes": alpha(primaries["id"], pd.get_dummies(word))}
    for name in ATTRIBUTES:
        rated = votes.dropna(subset=name)
        found[name] = alpha(rated["id"], rated[[name]])
    shown = ", ".join(f"{name} {value:.3f}" for name, value in found.items() if value is not None)
    if shown:
        remedy = "nothing; 1 is full agreement, 0 is chance, and 0.2 to 0.5 is usual for emotions"
        yield Finding("note", "agreement", f"Krippendorff's alpha: {shown}", remedy)


def empty_or_repetitive(subject: Subject) -> Iterator[Finding]:
    """Find empty and repetitive texts, in the corpus's own texts and in the transcripts."""
    sources = {texts.MANIFEST: subject.frame[["id", "text"]]}
    for name in texts.sources(subject.transcripts):
        try:
            sources[name] = texts.read_transcripts(subject.transcripts / f"{name}.parquet")
        except DataError:
            continue  # The check `transcripts` reports it.
    for name, table in sources.items():
        transcribed = table.dropna(subset="text")
        empty = transcribed["text"].str.strip() == ""
        repetitive = transcribed["text"].map(is_repetitive).astype(bool) & ~empty
        for kind, which in {"are empty": empty, "are repetitive": repetitive}.items():
            if which.any():
                message = f"{which.sum()} texts in {name} {kind}"
                remedy = "check them by ear; recognisers write such texts for silence and noise"
                where = tuple(transcribed["id"][which].astype(str))
                yield Finding("warning", "texts", message, remedy, where)


def is_repetitive(text: str) -> bool:
    """Return whether a phrase of up to 6 words comes 4 times in a row, or the text compresses."""
    data = text.encode()
    if len(data) > 100 and len(data) / len(zlib.compress(data)) > COMPRESSION:
        return True
    words = text.lower().split()
    for length in range(1, MOST_WORDS + 1):
        run = 0
        for position in range(length, len(words)):
            run = run + 1 if words[position] == words[position - length] else 0
            if run >= length * (REPEATS - 1):
                return True
    return False


def alpha(ids: "pd.Series[str]", values: pd.DataFrame) -> float | None:
    """Return Krippendorff's alpha, from sums over the utterances in place of pairs of votes.

    The squared differences of all ordered pairs of m values sum to 2 m times the squared
    deviations from their mean.

    Args:
        ids: the utterance of each vote (N,).
        values: (N, 1) numbers for the interval metric, or (N, C) one-hot classes for the nominal
            metric, which is half the squared difference of these rows.

    Returns:
        Alpha, or None if all votes are equal or no utterance has two votes.
    """
    paired = ids.duplicated(keep=False).to_numpy()
    x, group = values.to_numpy(np.float64)[paired], ids.to_numpy()[paired]
    if not len(x) or (x == x[0]).all():
        return None
    units = pd.DataFrame(x - x.mean(axis=0)).groupby(group)
    size = units.size()
    squares = (units.var(ddof=0).mul(size, axis=0)).sum(axis=1)
    observed = (squares * size / (size - 1)).sum()
    expected = ((x - x.mean(axis=0)) ** 2).sum() * len(x) / (len(x) - 1)
    return float(1 - observed / expected)


CHECKS = (durations, same_audio, entropy, agreement, empty_or_repetitive)
