"""A workspace's labels, texts and features, joined; heads that read the same share the join."""

from dataclasses import dataclass, replace
from functools import lru_cache

import pandas as pd

from medusa.heads.examples.choose import ChosenFeature, choose
from medusa.heads.examples.equal_features import tie_speakers, with_equal_recordings
from medusa.heads.examples.join import Examples, join_examples
from medusa.heads.fitting.split_checks import check_splits, split_warnings
from medusa.heads.fitting.texts_digest import texts_digest
from medusa.heads.spec import HeadSpec
from medusa.manifests import Manifest
from medusa.manifests.texts import MANIFEST, content_of, require_texts, texts_of
from medusa.workspace import Workspace


@dataclass(frozen=True)
class Joined:
    """The labels, texts and features of a workspace, for all heads that read the same features.

    Attributes:
        manifest, digest: the manifest of the workspace, and its digest.
        chosen: the stores that are read, with the array of each.
        text: the source of the texts, None where no store is of text.
        texts_digest: of the contents of a transcripts table, None without one.
        examples: the N joined utterances.
        notes: remarks about the corpus, and warnings about its splits.
        tied: the manifest in which speakers who share a recording have one name, for folds.
    """

    manifest: Manifest
    digest: str
    chosen: list[ChosenFeature]
    text: str | None
    texts_digest: str | None
    examples: Examples
    notes: list[str]
    tied: Manifest


def join_workspace(workspace: Workspace, spec: HeadSpec, average_frames: int) -> Joined:
    """Join the labels, texts and features of a workspace, or return the join made before.

    Args:
        workspace: with manifest and features.
        spec: the head that reads them; it may name another manifest.
        average_frames: how many consecutive audio frames are averaged into one.

    Raises:
        MedusaError: there is no manifest, no split, or no such features.
    """
    workspace = replace(workspace, manifest=spec.manifest or workspace.manifest)
    return _join(
        workspace,
        spec.features,
        spec.text,
        spec.drop_missing,
        spec.also_require,
        average_frames,
        _stamp(workspace),
    )


@lru_cache(maxsize=4)  # A queue of a thousand heads needs only a few joins.
def _join(
    workspace: Workspace,
    features: tuple[str, ...],
    text: str | None,
    drop_missing: bool,
    also_require: tuple[str, ...],
    average_frames: int,
    stamp: object,  # A workspace that has changed is joined again.
) -> Joined:
    manifest = Manifest.read(workspace.manifest)
    manifest.split("train", "dev")  # This raises an error if there is no split.
    chosen = choose(workspace.feature_folders, features)
    required = choose(workspace.feature_folders, also_require) if also_require else []
    source, contents = None, None
    if _has_text([*chosen, *required]):
        source, contents = _text_contents(workspace, manifest, text, drop_missing)
    text_read = source if _has_text(chosen) else None  # Only these texts are recorded.
    from_table = contents is not None and text_read not in (None, MANIFEST)
    examples = join_examples(manifest, contents, chosen, average_frames, drop_missing, required)
    check_splits(examples)
    notes = [str(note) for note in manifest.provenance.get("notes", [])]
    known = with_equal_recordings(manifest, examples)
    tied, examples = tie_speakers(known, examples)
    return Joined(
        manifest,
        manifest.digest(),
        chosen,
        text_read,
        texts_digest(contents) if contents is not None and from_table else None,
        examples,
        notes + split_warnings(examples, known),
        tied,
    )


def _text_contents(
    workspace: Workspace, manifest: Manifest, text: str | None, drop_missing: bool
) -> "tuple[str, pd.Series[str]]":
    """Return the source of the texts, and the content of each id's text."""
    source, texts = texts_of(manifest, workspace.transcripts, text)
    if not drop_missing:
        require_texts(texts, source)
    return source, texts.dropna().map(content_of)


def _has_text(chosen: list[ChosenFeature]) -> bool:
    return any(one.store.spec.input == "text" for one in chosen)


def _stamp(workspace: Workspace) -> tuple[tuple[str, int, int], ...]:
    """Return names, sizes and times of the files that a join depends on, without reading them."""
    files = [workspace.manifest, *workspace.transcripts.glob("*.parquet")]
    for folder in workspace.feature_folders:
        files += folder.glob("*/index/*.parquet")
    stats = ((str(path), path.stat()) for path in sorted(files) if path.exists())
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
