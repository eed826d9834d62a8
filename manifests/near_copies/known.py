"""The near copies that a manifest names in its provenance; splits and folds keep them together."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from medusa.console import progress, say
from medusa.errors import listed, plural
from medusa.manifests.manifest import Manifest
from medusa.manifests.near_copies.search import clips_of, copies_among, prints_of

KEY = "near_copies"
MOST_S = 3600.0  # Recordings of this length are decoded in some seconds.
REMEDY = (
    "`medusa manifest audit --listen` looks for them, and a split with --force then keeps them "
    "together"
)


def near_copies_of(manifest: Manifest) -> list[tuple[str, str]]:
    """Return the pairs of contents that are known to be near copies."""
    return [(one, other) for one, other in manifest.provenance.get(KEY, {}).get("pairs", ())]


def with_near_copies(manifest: Manifest) -> Manifest:
    """Return the manifest whose provenance names the near copies, and tell of them.

    Recordings that were compared before, and corpora of more than `MOST_S`, are not read.
    """
    clips = clips_of(manifest)
    known: dict[str, Any] = manifest.provenance.get(KEY, {})
    if not clips or known.get("of") == _digest(clips):
        return manifest
    length_s = sum(clip.length_s for clip in clips.values())
    if length_s > MOST_S:
        say(
            f"Near copies were not looked for, since the recordings last {length_s / 3600:.0f} h; "
            f"{REMEDY}."
        )
        return manifest
    with progress("comparing", len({clip.path for clip in clips.values()}), unit="file") as advance:
        prints, unread = prints_of(clips, advance)
    if unread:
        say(
            f"Near copies of {plural(unread, 'recording')} were not looked for, since the files "
            "cannot be read; `medusa manifest audit` names them."
        )
    return naming(manifest, copies_among(clips, prints), prints)


def naming(
    manifest: Manifest, pairs: Iterable[tuple[str, str]], compared: Iterable[str]
) -> Manifest:
    """Return the manifest that names these near copies and those known before, and tell of them.

    Args:
        manifest: the rows.
        pairs: pairs of contents.
        compared: the contents that were compared.
    """
    owners = manifest.frame.dropna(subset="content").drop_duplicates("content")
    ids = dict(zip(owners["content"], owners["id"], strict=True))
    rows = {content: row for row, content in enumerate(ids)}
    before = [pair for pair in near_copies_of(manifest) if rows.keys() >= set(pair)]
    places = sorted({tuple(sorted(rows[one] for one in pair)) for pair in [*before, *pairs]})
    found = [[owners["content"].iloc[row] for row in pair] for pair in places]
    if found:
        shown = [f"{ids[one]} = {ids[other]}" for one, other in found]
        say(
            f"{plural(len(found), 'pair')} of recordings that are near copies, the same sound in "
            f"another coding, loudness or cut: {listed(shown)}"
        )
    kept = {"of": _digest(compared), "pairs": found}
    return replace(manifest, provenance=manifest.provenance | {KEY: kept})


def _digest(contents: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(contents)).encode()).hexdigest()[:16]
