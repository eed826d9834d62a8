"""A workspace's labels, texts and features, joined; heads that read the same share the join."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from medusa.cache import FeatureStore
from medusa.heads.examples.join import Examples, choose, gather
from medusa.heads.fitting.split_checks import check_splits, split_warnings
from medusa.heads.fitting.texts_digest import texts_digest
from medusa.manifests import Manifest
from medusa.manifests.texts import MANIFEST, content_of, require_texts, texts_of
from medusa.workspace import Workspace

Chosen = list[tuple[FeatureStore, str]]  # stores, and the array of each that is read


@dataclass(frozen=True)
class Joined:
    """What a workspace gives to every head that reads the same features.

    Attributes:
        manifest, digest: the manifest of the workspace, and its digest.
        chosen: the stores that are read, with the array of each.
        text: the source of the texts, None where no store is of text.
        texts_digest: of the contents of a transcripts table, None without one.
        examples: the N joined utterances.
        notes: what the corpus says about itself, and warnings about its splits.
    """

    manifest: Manifest
    digest: str
    chosen: Chosen
    text: str | None
    texts_digest: str | None
    examples: Examples
    notes: list[str]


def join_workspace(
    workspace: Workspace,
    backbones: Sequence[str],
    text: str | None,
    drop_missing: bool,
    also_require: Sequence[str],
    average_frames: int,
) -> Joined:
    """Join the labels, texts and features of a workspace, or return the join made before.

    Args:
        workspace: with manifest and features.
        backbones: whose features are read; all by default.
        text: the source of the texts that text features were made from.
        drop_missing: leave out utterances that lack features.
        also_require: further backbones whose features no utterance may lack.
        average_frames: how many consecutive audio frames are averaged into one.

    Raises:
        MedusaError: there is no manifest, no split, or no such features.
    """
    return _join(
        workspace,
        tuple(backbones),
        text,
        drop_missing,
        tuple(also_require),
        average_frames,
        _stamp(workspace),
    )


@lru_cache(maxsize=4)  # a queue of a thousand heads needs the same few
def _join(
    workspace: Workspace,
    backbones: tuple[str, ...],
    text: str | None,
    drop_missing: bool,
    also_require: tuple[str, ...],
    average_frames: int,
    stamp: object,  # a workspace that changed is joined anew
) -> Joined:
    manifest = Manifest.read(workspace.manifest)
    manifest.split("train", "dev")  # raises where there is no split
    chosen = choose(workspace.features, backbones)
    required = choose(workspace.features, also_require) if also_require else []
    source, contents = None, None
    if _has_text([*chosen, *required]):
        source, contents = _text_contents(workspace, manifest, text, drop_missing)
    text_read = source if _has_text(chosen) else None  # only what a head reads is recorded
    from_table = contents is not None and text_read not in (None, MANIFEST)
    examples = gather(manifest, contents, chosen, average_frames, drop_missing, required)
    check_splits(examples)
    notes = [str(note) for note in manifest.provenance.get("notes", [])]
    return Joined(
        manifest,
        manifest.digest(),
        chosen,
        text_read,
        texts_digest(contents) if contents is not None and from_table else None,
        examples,
        notes + split_warnings(examples, manifest),
    )


def _text_contents(
    workspace: Workspace, manifest: Manifest, text: str | None, drop_missing: bool
) -> "tuple[str, pd.Series[str]]":
    """Return the source of the texts, and the content of each id's text."""
    source, texts = texts_of(manifest, workspace.transcripts, text)
    if not drop_missing:
        require_texts(texts, source)
    return source, texts.dropna().map(content_of)


def _has_text(chosen: Chosen) -> bool:
    return any(store.spec.input == "text" for store, _ in chosen)


def _stamp(workspace: Workspace) -> tuple[tuple[str, int, int], ...]:
    """Return names, sizes and times of the files that a join depends on, without reading them."""
    files = [workspace.manifest, *workspace.transcripts.glob("*.parquet")]
    files += workspace.features.glob("*/index/*.parquet")
    stats = ((str(path), path.stat()) for path in sorted(files) if path.exists())
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
