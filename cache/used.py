"""Which contents manifests use: of audio their own, of text every text an utterance may have."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from medusa.errors import MedusaError
from medusa.manifests import Manifest
from medusa.manifests.texts import MANIFEST, content_of, sources, texts_of
from medusa.workspace import Workspace


def used(workspace: Workspace, others: Sequence[Path] = ()) -> dict[str, set[str]]:
    """Return the contents that any manifest uses, by input: `audio` and `text`.

    Args:
        workspace: its manifest, if it has one, and its transcripts.
        others: more manifests; the transcripts beside them count too.

    Raises:
        ManifestError: there is no manifest at all (else everything were unused), or one is damaged.
    """
    paths = list(others)
    if workspace.manifest.exists() or not others:
        paths.insert(0, workspace.manifest)
    contents: dict[str, set[str]] = {"audio": set(), "text": set()}
    for path in paths:
        manifest = Manifest.read(path)
        contents["audio"] |= set(manifest.frame["content"].dropna())
        for folder in {workspace.transcripts, path.parent / "transcripts"}:
            for source in (MANIFEST, *sources(folder)):
                texts = texts_of(manifest, folder, source)[1].dropna()
                contents["text"] |= {content_of(text) for text in texts}
    return contents


def by_id(workspace: Workspace, kind: str, text: str | None = None) -> dict[str, str]:
    """Return id -> content of the workspace's manifest.

    Args:
        workspace: with a manifest.
        kind: `audio` or `text`.
        text: which text, as for `medusa extract --text`.
    """
    manifest = Manifest.read(workspace.manifest)
    contents = manifest.frame.set_index("id")["content"].dropna()
    if kind == "text":
        contents = texts_of(manifest, workspace.transcripts, text)[1].dropna().map(content_of)
    return {str(name): str(content) for name, content in contents.items()}


def ids(workspace: Workspace, text: str | None = None) -> dict[str, str]:
    """Return content -> id, as far as a manifest and its texts are there; the first id of several.

    Args:
        workspace: with or without a manifest.
        text: as for `by_id`.
    """
    found: dict[str, str] = {}
    for kind in ("audio", "text"):
        with suppress(MedusaError):
            for name, content in by_id(workspace, kind, text).items():
                found.setdefault(content, name)
    return found
