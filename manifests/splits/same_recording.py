"""Rows of one recording belong to one split or fold; a note names what two splits share.

Near copies that the manifest knows count as one recording.
"""

from collections.abc import Iterable, Sequence

import pandas as pd

from medusa.console import say
from medusa.errors import listed, plural
from medusa.manifests.manifest import Manifest
from medusa.manifests.near_copies.known import near_copies_of

LAST = ("dev", "train")  # Rows of one recording go to test, or another part, before these.


def recordings(manifest: Manifest) -> "pd.Series[str]":
    """Return the content (U,) of each row; near copies get the content of one of them."""
    content = manifest.frame["content"]
    pairs = near_copies_of(manifest)
    if not pairs:
        return content
    names = _joined(pairs)
    return content.map(lambda name: names.get(name, name), na_action="ignore").astype("str")


def tied_speakers(manifest: Manifest) -> "pd.Series[str]":
    """Return the speakers (U,); speakers who share a recording get the name of one of them."""
    frame = manifest.frame.assign(content=recordings(manifest)).dropna(
        subset=["content", "speaker"]
    )
    shared = frame[frame["content"].duplicated(keep=False)]
    groups = shared.groupby("content")["speaker"].unique()
    names = _joined([[str(speaker) for speaker in speakers] for speakers in groups])
    if not names:
        return manifest.frame["speaker"]
    speakers = manifest.frame["speaker"]
    return speakers.map(lambda name: names.get(name, name), na_action="ignore").astype("str")


def _joined(groups: Iterable[Sequence[str]]) -> dict[str, str]:
    """Return the least name of its connected groups for every other name in the groups."""
    name_of: dict[str, str] = {}

    def first(name: str) -> str:
        while name in name_of:
            name = name_of[name]
        return name

    for group in groups:
        least, *others = sorted({first(name) for name in group})
        name_of |= dict.fromkeys(others, least)
    return {name: first(name) for name in name_of}


def with_tied_speakers(manifest: Manifest) -> Manifest:
    """Return the manifest with one name for speakers who share a recording.

    A row without a speaker gets the name of a speaker with the same recording. Folds of these
    speakers keep rows of one recording together.
    """
    speakers, content = tied_speakers(manifest), recordings(manifest)
    unknown = speakers.isna() & content.notna() & content.duplicated(keep=False)
    if unknown.any():
        known = pd.DataFrame({"content": content, "speaker": speakers}).dropna()
        owners = known.drop_duplicates("content").set_index("content")["speaker"]
        speakers = speakers.where(~unknown, content.map(owners))
    frame = manifest.frame.assign(speaker=speakers)
    return Manifest(frame, manifest.scheme, manifest.votes, manifest.root, manifest.provenance)


def kept_together(manifest: Manifest, split: "pd.Series[str]") -> "pd.Series[str]":
    """Return the split (U,) in which all rows of one recording are in one split, and tell of them.

    Args:
        manifest: the rows.
        split: the split of each row; rows without a split keep none.
    """
    content = recordings(manifest)
    placed = content.notna() & split.notna()
    same = placed & content.where(placed).duplicated(keep=False)
    if not same.any():
        return split
    rank = split.map({name: number for number, name in enumerate(LAST, 1)}).fillna(0)
    order = pd.DataFrame({"content": content, "split": split, "rank": rank})[same]
    chosen = order.sort_values(["rank", "split"]).drop_duplicates("content")
    joined = split.copy()
    joined[same] = order["content"].map(chosen.set_index("content")["split"])
    moved = int((joined != split)[same].sum())
    say(
        f"{plural(int(same.sum()), 'row has')} the recording of another row, and rows of one "
        f"recording are in one split ({moved} moved): {listed(manifest.frame['id'][same])}"
    )
    return joined


def tell_shared_speakers(manifest: Manifest) -> None:
    """Report the speakers who are in dev and in test."""
    for note in _shared_speakers(manifest):
        say(note)


def shared_notes(manifest: Manifest) -> list[str]:
    """Return a sentence about recordings in several splits, and one about speakers."""
    frame = manifest.frame.assign(content=recordings(manifest)).dropna(subset=["content", "split"])
    shared = frame[frame.groupby("content")["split"].transform("nunique") > 1]
    notes = _shared_speakers(manifest)
    if len(shared):
        number = plural(shared["content"].nunique(), "recording is")
        notes.append(
            f"{number} in several splits ({listed(shared['id'])}): expect better scores than "
            "on new recordings; `medusa manifest split random --force` keeps them together."
        )
    return notes


def _shared_speakers(manifest: Manifest) -> list[str]:
    frame = manifest.frame
    dev, test = (set(frame["speaker"][frame["split"] == name].dropna()) for name in ("dev", "test"))
    shared = sorted(dev & test)
    if not shared:
        return []
    return [f"{plural(len(shared), 'speaker is')} in dev and in test: {listed(shared)}."]
