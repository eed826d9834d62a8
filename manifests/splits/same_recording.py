"""Rows of one recording belong to one split or fold; a note names what two splits share."""

import pandas as pd

from medusa.console import say
from medusa.errors import listed, plural
from medusa.manifests.manifest import Manifest

LAST = ("dev", "train")  # Rows of one recording go to test, or another part, before these.


def tied_speakers(manifest: Manifest) -> "pd.Series[str]":
    """Return the speakers (U,); speakers who share a recording get the name of one of them."""
    frame = manifest.frame.dropna(subset=["content", "speaker"])
    shared = frame[frame["content"].duplicated(keep=False)]
    name_of: dict[str, str] = {}

    def first(speaker: str) -> str:
        while speaker in name_of:
            speaker = name_of[speaker]
        return speaker

    for speakers in shared.groupby("content")["speaker"].unique():
        least, *others = sorted({first(str(speaker)) for speaker in speakers})
        name_of |= dict.fromkeys(others, least)
    if not name_of:
        return manifest.frame["speaker"]
    return manifest.frame["speaker"].map(first, na_action="ignore").astype("str")


def with_tied_speakers(manifest: Manifest) -> Manifest:
    """Return the manifest with one name for speakers who share a recording.

    A row without a speaker gets the name of a speaker with the same recording. Folds of these
    speakers keep rows of one recording together.
    """
    speakers, content = tied_speakers(manifest), manifest.frame["content"]
    unknown = speakers.isna() & content.duplicated(keep=False)
    if unknown.any():
        known = manifest.frame.assign(speaker=speakers).dropna(subset=["content", "speaker"])
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
    frame = manifest.frame
    placed = frame["content"].notna() & split.notna()
    same = placed & frame["content"].where(placed).duplicated(keep=False)
    if not same.any():
        return split
    rank = split.map({name: number for number, name in enumerate(LAST, 1)}).fillna(0)
    order = pd.DataFrame({"content": frame["content"], "split": split, "rank": rank})[same]
    chosen = order.sort_values(["rank", "split"]).drop_duplicates("content")
    joined = split.copy()
    joined[same] = order["content"].map(chosen.set_index("content")["split"])
    moved = int((joined != split)[same].sum())
    say(
        f"{plural(int(same.sum()), 'row has')} the recording of another row, and rows of one "
        f"recording are in one split ({moved} moved): {listed(frame['id'][same])}"
    )
    return joined


def tell_shared_speakers(manifest: Manifest) -> None:
    """Report the speakers who are in dev and in test."""
    for note in _shared_speakers(manifest):
        say(note)


def shared_notes(manifest: Manifest) -> list[str]:
    """Return a sentence about recordings in several splits, and one about speakers."""
    frame = manifest.frame.dropna(subset=["content", "split"])
    shared = frame[frame.groupby("content")["split"].transform("nunique") > 1]
    notes = _shared_speakers(manifest)
    if len(shared):
        recordings = plural(shared["content"].nunique(), "recording is")
        notes.append(
            f"{recordings} in several splits ({listed(shared['id'])}): expect better scores than "
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
