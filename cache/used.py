"""The contents that manifests use: those of the recordings, and those of all possible texts."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from medusa.cache.store import FeatureStore
from medusa.console import say
from medusa.errors import MedusaError, StoreError, plural
from medusa.manifests import Manifest
from medusa.manifests.texts import MANIFEST, content_of, sources, texts_of
from medusa.workspace import Workspace


def used(workspace: Workspace, others: Sequence[Path] = ()) -> dict[str, set[str]]:
    """Return the contents that any manifest uses, by input: `audio` and `text`.

    Args:
        workspace: the workspace, whose manifest, if it has one, and transcripts count.
        others: more manifests, which count together with the transcripts beside them.

    Raises:
        ManifestError: a manifest is damaged, or there is none, and everything would seem unused.
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
    """Return id -> content of the workspace's manifest; see `contents_by_id`."""
    return contents_by_id(workspace.manifest, workspace.transcripts, kind, text)


def contents_by_id(path: Path, transcripts: Path, kind: str, text: str | None) -> dict[str, str]:
    """Return id -> content of a manifest, without utterances that have none.

    Args:
        path: the manifest.
        transcripts: the folder with its transcripts.
        kind: `audio` or `text`.
        text: the source of the text, as in `medusa extract --text`.
    """
    manifest = Manifest.read(path)
    contents = manifest.frame.set_index("id")["content"].dropna()
    if kind == "text":
        contents = texts_of(manifest, transcripts, text)[1].dropna().map(content_of)
    return {str(name): str(content) for name, content in contents.items()}


def ids_of_store(workspace: Workspace, path: Path, text: str | None) -> dict[str, list[str]]:
    """Return content -> ids in the workspace's manifest, for the utterances of a store.

    Args:
        workspace: a workspace with a manifest.
        path: the store.
        text: the source of the text, as in `by_id`.

    Raises:
        StoreError: the store has no utterance of the manifest.
    """
    store, names = FeatureStore.open(path), dict[str, list[str]]()
    for utterance, content in by_id(workspace, store.spec.input, text).items():
        if content in store:
            names.setdefault(content, []).append(utterance)
    if not names:
        raise StoreError(f"{path}: the store has no utterance of {workspace.manifest}")
    if len(names) < len(store):
        others = plural(len(store) - len(names), "utterance is")
        say(f"{others} not in {workspace.manifest} and left out")
    return names


def ids(workspace: Workspace, text: str | None = None) -> dict[str, str]:
    """Return content -> id, or nothing without a manifest; of several ids the first one is taken.

    Args:
        workspace: a workspace with or without a manifest.
        text: the source of the text, as in `by_id`.
    """
    found: dict[str, str] = {}
    for kind in ("audio", "text"):
        with suppress(MedusaError):
            for name, content in by_id(workspace, kind, text).items():
                found.setdefault(content, name)
    return found
