"""A corpus becomes the manifest of a workspace: the function behind `medusa manifest import`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medusa.console import progress, say
from medusa.errors import ManifestError, listed, plural
from medusa.foreign import foreign
from medusa.manifests import corpora
from medusa.manifests.import_tools import tally
from medusa.manifests.import_tools.ingest import attach_audio, same_rows
from medusa.manifests.manifest import Manifest
from medusa.manifests.write_changed import changing
from medusa.workspace import Workspace, require_utf_8


@dataclass(frozen=True)
class ImportResult:
    """An imported corpus.

    Attributes:
        manifest: the rows of the corpus.
        written: whether `manifest.parquet` was written; False if it had the same rows already.
        without_audio: the problems of the recordings that cannot be used, by id.
    """

    manifest: Manifest
    written: bool
    without_audio: dict[str, str]


def import_corpus(
    workspace: Workspace,
    corpus: str,
    root: Path | str,
    /,
    *,
    force: bool = False,
    drop_bad_audio: bool = False,
    **options: Any,
) -> ImportResult:
    """Read a corpus and write the manifest of the workspace.

    Args:
        workspace: the workspace.
        corpus: the name of an importer, such as `emodb` or `csv`.
        root: the folder or the file of the corpus.
        force: replace a manifest that has other rows.
        drop_bad_audio: if a recording is missing, unreadable or truncated, keep its utterances
            without audio instead of refusing the corpus.
        options: the options of the importer.

    Raises:
        ManifestError: the corpus is not in its published form, or the manifest has other rows.
        AudioError: recordings cannot be used, and `drop_bad_audio` is not set.
    """
    require_utf_8(root, *(value for value in options.values() if isinstance(value, Path)))
    with changing(workspace.manifest):
        old = workspace.manifest.exists() and not force
        present = Manifest.read(workspace.manifest) if old else None
        found = _read_corpus(corpus, Path(root), options)
        return _stored(workspace.manifest, found, present, drop_bad_audio)


def _read_corpus(corpus: str, root: Path, options: dict[str, Any]) -> Manifest:
    """Return the rows of the corpus, which are at least one, with their origin."""
    importer, sentence = corpora.load(corpus), f"{root}: not readable as {corpus}"
    with foreign(ManifestError, lambda reason: f"{sentence} ({reason}); copy the corpus again"):
        found = importer.import_corpus(root, **options)
    if not len(found):
        lines = found.provenance.get("import", [])
        counts = f" ({tally.sentence(lines)})" if lines else ""
        raise ManifestError(
            f"{root}: no utterance to import{counts}; expected rows below the headers of its tables"
        )
    found.provenance |= {
        "corpus": corpus,
        "root": str(root.resolve()),
        "options": _plain(options),
    }
    return found


def _stored(
    path: Path, found: Manifest, old: Manifest | None, drop_bad_audio: bool
) -> ImportResult:
    """Add the audio to the rows, and write the manifest unless the old one has the same rows."""
    files = found.frame["path"].nunique()
    with progress("reading audio", files, unit="file") as advance:
        found, dropped = attach_audio(found, path.parent, drop_bad_audio, advance)
    if dropped:
        kept = plural(len(dropped), "utterance")
        say(f"{kept} kept without audio: {listed(dropped.values(), 3)}")
    if old is not None:
        _require_same_rows(path, old, found)
        say(f"{path}: already holds the same {plural(len(found), 'utterance')}; nothing to do")
        return ImportResult(found, False, dropped)
    found.write(path)
    say(f"wrote {path}")
    say(tally.sentence(found.provenance["import"]))
    return ImportResult(found, True, dropped)


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given, as JSON values."""
    given = {key: value for key, value in options.items() if value not in (None, ())}
    return {key: str(value) if isinstance(value, Path) else value for key, value in given.items()}


def _require_same_rows(path: Path, old: Manifest, corpus: Manifest) -> None:
    """Raise an error if the manifest at `path` has other rows; the split may differ."""
    if not same_rows(old, corpus):
        raise ManifestError(
            f"{path}: already holds another manifest ({old.provenance.get('corpus', 'unknown')}, "
            f"{plural(len(old), 'utterance')}); replace it with --force, or work in another folder "
            "(--workspace)"
        )
