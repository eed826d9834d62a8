"""The audit finds all faults of a manifest at once."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from medusa.errors import DataError, plural
from medusa.manifests import texts
from medusa.manifests.audit import annotations as audit_data
from medusa.manifests.audit.findings import LEVELS, Finding, Subject
from medusa.manifests.audit.recordings import audio_files
from medusa.manifests.audit.waveforms import Loudness, listen
from medusa.manifests.import_tools.unused_columns import MAY_BE_SPEAKERS
from medusa.manifests.import_tools.unused_columns import remedy as with_speaker
from medusa.manifests.label_scheme import ATTRIBUTES
from medusa.manifests.labels.votes import SUM_TOLERANCE

IMPORT_AGAIN = "correct the corpus's table and import it again"


def audit(
    subject: Subject,
    digests: bool = False,
    advance: Callable[[], None] = lambda: None,
    sounds: dict[str, Loudness] | None = None,
) -> list[Finding]:
    """Return all findings, errors first.

    Args:
        subject: the manifest.
        digests: read every recording and compare its bytes with those imported.
        advance: it is called after each recording.
        sounds: the loudness of the clips by id, to find clipping, silence and near duplicates.
    """
    found = [finding for check in (*CHECKS, *audit_data.CHECKS) for finding in check(subject)]
    found += audio_files(subject, digests, advance)
    if sounds is not None:
        found += listen(subject, sounds)
    return sorted(found, key=lambda finding: LEVELS.index(finding.level))


def ids(subject: Subject) -> Iterator[Finding]:
    """Find absent columns, and ids that are missing or not unique."""
    if subject.absent:
        message = "columns are missing from the file"
        yield Finding("error", "columns", message, IMPORT_AGAIN, subject.absent)
    if subject.frame.empty:
        yield Finding("error", "rows", "the manifest has no rows", IMPORT_AGAIN)
    null = subject.frame["id"].isna()
    if null.any():
        yield Finding("error", "ids", f"{plural(null.sum(), 'row has')} no id", IMPORT_AGAIN)
    twice = subject.frame["id"].duplicated() & ~null
    if twice.any():
        where = tuple(dict.fromkeys(subject.ids(twice)))
        message = f"{plural(len(where), 'id comes')} twice"
        yield Finding("error", "ids", message, IMPORT_AGAIN, where)


def soft_labels(subject: Subject) -> Iterator[Finding]:
    """Find soft labels outside [0, 1], rows with some nulls, and rows that do not sum to one."""
    soft = subject.frame[subject.scheme.columns].astype(float)
    null = soft.isna()
    half = null.any(axis=1) & ~null.all(axis=1)
    outside = ((soft < 0) | (soft > 1)).any(axis=1)
    sums = soft.sum(axis=1)
    unequal = ~null.all(axis=1) & ~null.any(axis=1) & ((sums - 1).abs() > SUM_TOLERANCE)
    if half.any():
        message = f"{plural(half.sum(), 'row has')} a soft label for some classes only"
        yield Finding("error", "soft labels", message, IMPORT_AGAIN, subject.ids(half))
    if outside.any():
        message = f"{plural(outside.sum(), 'row has')} soft labels outside 0..1"
        yield Finding("error", "soft labels", message, IMPORT_AGAIN, subject.ids(outside))
    if unequal.any():
        first = float(sums[unequal].iloc[0])
        rows = plural(unequal.sum(), "row of soft labels does")
        message = f"{rows} not sum to 1 (the first: {first:g})"
        remedy = f"{IMPORT_AGAIN} (csv: --counts divides rows by their sum)"
        yield Finding("error", "soft labels", message, remedy, subject.ids(unequal))
    if null.all(axis=1).any():
        message = f"{plural(null.all(axis=1).sum(), 'row has')} no label"
        remedy = "nothing, if the corpus has none; such rows are not used in training or scores"
        yield Finding("note", "soft labels", message, remedy, subject.ids(null.all(axis=1)))


def consensus(subject: Subject) -> Iterator[Finding]:
    """Find labels outside the scheme, and labels that are not the largest soft label."""
    label = subject.frame["label"]
    strange = label.notna() & ~label.isin(subject.scheme.classes)
    if strange.any():
        message = f"{strange.sum()} labels are not classes of {subject.scheme.name}"
        where = tuple(sorted(label[strange].unique()))
        yield Finding("error", "labels", message, IMPORT_AGAIN, where)
    if not subject.scheme.classes:
        return
    soft = subject.frame[subject.scheme.columns].fillna(0).to_numpy(float)
    code = pd.Index(subject.scheme.classes).get_indexer(pd.Index(label))
    label_share = soft[np.arange(len(soft)), code]
    less = pd.Series((code >= 0) & (soft.max(axis=1) > label_share + SUM_TOLERANCE), label.index)
    if less.any():
        rows = plural(int(less.sum()), "row")
        message = f"the soft labels of {rows} favour another class than their label"
        remedy = "check the order of the classes in the corpus's table"
        yield Finding("warning", "labels", message, remedy, subject.ids(less))


def classes(subject: Subject) -> Iterator[Finding]:
    """Find classes that have no rows, or no rows in one of the splits."""
    soft = subject.frame[subject.scheme.columns].fillna(0)
    soft.columns = pd.Index(subject.scheme.classes)
    empty = soft.columns[soft.sum() == 0]
    if len(empty):
        remedy = "leave them out of the label scheme; otherwise they are never predicted"
        message = f"{plural(len(empty), 'class has')} no rows"
        yield Finding("warning", "classes", message, remedy, tuple(empty))
    by_split = soft.groupby(subject.frame["split"]).sum()
    for split in by_split.index:
        lacking = [name for name in soft.columns.difference(empty) if by_split[name][split] == 0]
        if lacking and by_split.loc[split].sum() > 0:
            level = "error" if split == "train" else "warning"
            message = f"{plural(len(lacking), 'class has')} no rows in {split}"
            remedy = "split again with another --seed, or run `split random --by utterance`"
            yield Finding(level, "classes", message, remedy, tuple(lacking))


def speakers(subject: Subject) -> Iterator[Finding]:
    """Find speakers in two splits, and rows without a speaker."""
    frame = subject.frame
    of_speaker = frame.dropna(subset=["speaker", "split"]).groupby("speaker")["split"]
    several = of_speaker.unique()[of_speaker.nunique() > 1]
    own = several.map(lambda names: len({*names} - {subject.kept}) < 2).astype(bool)
    meant = own | (subject.split_by in ("corpus", "utterance"))
    if meant.any():
        whose = (
            "split by utterance" if subject.split_by == "utterance" else "the corpus's own split"
        )
        message = f"{whose} shares {plural(meant.sum(), 'speaker')}"
        remedy = "report that scores are better than on new speakers, or split by speaker"
        yield Finding("warning", "speakers", message, remedy, tuple(several.index[meant]))
    if not meant.all():
        message = f"{plural((~meant).sum(), 'speaker is')} in two splits"
        remedy = "medusa manifest split random --force"
        yield Finding("error", "speakers", message, remedy, tuple(several.index[~meant]))
    nameless = frame["speaker"].isna()
    if nameless.any():
        message = f"{plural(nameless.sum(), 'row has')} no speaker"
        noted = subject.provenance.get(MAY_BE_SPEAKERS)
        suspects = [str(name) for name in noted] if isinstance(noted, list) else []
        remedy = (
            f"if {suspects[0]} is the speaker, import again with {with_speaker(suspects)}"
            if suspects
            else "split them by utterance; a speaker in two splits cannot be found"
        )
        yield Finding("note", "speakers", message, remedy, subject.ids(nameless))


def splits(subject: Subject) -> Iterator[Finding]:
    """Find rows without a split, and one recording in two splits."""
    frame = subject.frame
    without = frame["split"].isna()
    if without.any():
        everything = "no row has" if without.all() else f"{plural(without.sum(), 'row has')} no"
        message = f"{everything} {'a ' if without.all() else ''}split"
        remedy = "medusa manifest split random"
        yield Finding("warning", "splits", message, remedy, subject.ids(without))
    clips = frame.dropna(subset=["content", "split"])
    leaked = clips.groupby("content")["split"].transform("nunique") > 1
    if leaked.any():
        message = f"{plural(leaked.sum(), 'row has')} the same audio as a row of another split"
        where = tuple(clips["id"][leaked].astype(str))
        yield Finding("error", "splits", message, "remove one row of each pair", where)


def attributes(subject: Subject) -> Iterator[Finding]:
    """Find attributes outside 1..7."""
    values = subject.frame[list(ATTRIBUTES)].astype(float)
    outside = ((values < 1) | (values > 7)).any(axis=1)
    if outside.any():
        message = f"{plural(outside.sum(), 'row has')} arousal, valence or dominance outside 1..7"
        remedy = "bring them to the scale 1..7 and import the corpus again"
        yield Finding("error", "attributes", message, remedy, subject.ids(outside))


def transcripts(subject: Subject) -> Iterator[Finding]:
    """Find rows without any text, and transcripts of other audio than the manifest's."""
    frame = subject.frame.drop_duplicates("id").set_index("id")
    silent = frame["text"].isna()
    for name in texts.sources(subject.transcripts):
        try:
            table = texts.read_transcripts(subject.transcripts / f"{name}.parquet")
        except DataError as problem:
            remedy = f"medusa transcribe --model {name} --force"
            yield Finding("error", "transcripts", str(problem), remedy)
            continue
        clips = table.drop_duplicates("id").set_index("id").reindex(frame.index)
        same = clips["content"].eq(frame["content"])
        silent &= ~(same & clips["text"].notna())
        stale = clips["content"].notna() & ~same
        if stale.any():
            message = f"{stale.sum()} transcripts in {name} are of other audio than the manifest's"
            where = tuple(stale.index[stale])
            yield Finding("warning", "transcripts", message, "medusa transcribe", where)
    if silent.any():
        message = f"{plural(silent.sum(), 'row has')} no text"
        remedy = "medusa transcribe, before text backbones"
        weight = "note" if silent.all() else "warning"  # A corpus without any text is usual.
        yield Finding(weight, "transcripts", message, remedy, tuple(silent.index[silent]))


CHECKS = (ids, soft_labels, consensus, classes, speakers, splits, attributes, transcripts)
