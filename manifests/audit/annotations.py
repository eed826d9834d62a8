"""This part of the audit checks votes, transcripts and the durations of the clips."""

import importlib
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from medusa.errors import DataError, plural
from medusa.manifests import texts
from medusa.manifests.audit.findings import Finding, Subject
from medusa.manifests.label_scheme import ATTRIBUTES
from medusa.manifests.labels.votes import count_votes

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
    if not len(soft) or (soft.max(axis=1) > 1 - 1e-6).all():
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
    try:
        library: Any = importlib.import_module("krippendorff")
    except ImportError:
        remedy = "pip install 'medusa-ser[krippendorff]'"
        yield Finding("note", "agreement", "not measured: krippendorff is not installed", remedy)
        return
    primaries = votes.dropna(subset="primary")
    word = primaries["primary"].where(~primaries["primary"].str.startswith("other"), "other")
    counts = _counts(primaries["id"], word)
    found = {"classes": _alpha(library, counts, "nominal", None)}
    for name in ATTRIBUTES:
        rated = votes.dropna(subset=name)
        values = np.sort(rated[name].unique())
        counts = _counts(rated["id"], rated[name].map("{:.6g}".format))
        domain = counts.columns.astype(float)
        found[name] = _alpha(library, counts, "interval", domain) if len(values) > 1 else None
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


def _counts(ids: "pd.Series[str]", words: "pd.Series[str]") -> pd.DataFrame:
    """Return how often each unit with two or more votes has each value."""
    units = pd.Series(ids.unique())
    values = sorted(words.unique())
    votes = pd.DataFrame({"id": ids.to_numpy(), "primary": words.to_numpy()})
    counts = count_votes(votes, units, values)[:, :-1]
    return pd.DataFrame(counts[counts.sum(axis=1) > 1], columns=values)


def _alpha(library: Any, counts: pd.DataFrame, level: str, domain: Any) -> float | None:
    """Return alpha, or None if all votes are equal or no unit has two votes."""
    used = counts.to_numpy().sum(axis=0) > 0
    if used.sum() < 2:
        return None
    options = {} if domain is None else {"value_domain": np.asarray(domain)}
    measured = library.alpha(value_counts=counts.to_numpy(), level_of_measurement=level, **options)
    return float(measured)


CHECKS = (durations, same_audio, entropy, agreement, empty_or_repetitive)
