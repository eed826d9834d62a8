"""Rows of one recording belong to one split, and speakers that two splits share are told."""

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
    frame = manifest.frame
    dev, test = (set(frame["speaker"][frame["split"] == name].dropna()) for name in ("dev", "test"))
    if dev & test:
        shared = sorted(dev & test)
        say(f"{plural(len(shared), 'speaker is')} in dev and in test: {listed(shared)}")
