"""The inputs of a trained head in another workspace: its features, and its texts."""

import pandas as pd

from medusa.cache import FeatureStore, open_all
from medusa.console import say
from medusa.errors import DataError
from medusa.heads.examples.choose import ChosenFeature
from medusa.heads.examples.join import Examples, join_examples
from medusa.heads.fitting.stored_head import StoredHead
from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.texts import MANIFEST, content_of, require_texts, sources, texts_of
from medusa.workspace import Workspace


def gather_inputs(
    stored: StoredHead,
    manifest: Manifest,
    workspace: Workspace,
    text: str | None,
    drop_missing: bool,
) -> Examples:
    """Join the utterances of a manifest with the features that a trained head reads.

    Args:
        stored: the head.
        manifest: the utterances; labels are not read.
        workspace: where their features and transcripts are.
        text: the source of the texts; by default the source of the training where it exists.
        drop_missing: leave out utterances without features instead of refusing them.

    Raises:
        DataError: the workspace lacks a store, or features of some utterances.
    """
    unlabelled = _without_labels(manifest, stored.classes)
    chosen = _stores(stored, workspace)
    try:
        contents = _contents(stored, unlabelled, workspace, text, drop_missing)
        examples = join_examples(unlabelled, contents, chosen, stored.average_frames, drop_missing)
    except DataError as problem:
        raise DataError(f"{workspace.root}: {problem}") from problem
    if not examples.ids:
        raise DataError(f"{workspace.root}: none of the {len(unlabelled)} utterances has features")
    return examples.normalise_speakers() if stored.head.normalise_speakers else examples


def _without_labels(manifest: Manifest, classes: tuple[str, ...]) -> Manifest:
    """Return the same utterances without labels, in the head's classes."""
    frame = manifest.frame[["id", "content", "text", "speaker"]].copy()
    frame["split"] = manifest.frame["split"].fillna("")  # The corpus may have no split yet.
    return Manifest(frame, LabelScheme("of the head", classes))


def _stores(stored: StoredHead, workspace: Workspace) -> list[ChosenFeature]:
    """Return the stores of the head's specifications, in its order, with the array of each."""
    stores = {store.spec.digest: store for store in open_all(*workspace.feature_folders)}
    problems = [
        _no_store(stored, feature, list(stores.values()), workspace)
        for feature in stored.features
        if feature["spec"] not in stores
    ]
    if problems:
        raise DataError("\n  ".join([f"{workspace.features}:", *problems]))
    return [ChosenFeature(stores[feature["spec"]], feature["array"]) for feature in stored.features]


def _no_store(
    stored: StoredHead, feature: dict[str, str], stores: list[FeatureStore], workspace: Workspace
) -> str:
    name = feature["backbone"]
    same = [store.path.stem for store in stores if store.spec.backbone == name]
    other = f" ({', '.join(same)} exists, made with other settings)" if same else ""
    return (
        f"no features {name}-{feature['spec'][:8]}, which {stored.run.name} was trained on{other}; "
        f"run `medusa --workspace {workspace.root} extract --backbone {name}` with the settings "
        "of the training"
    )


def _contents(
    stored: StoredHead,
    manifest: Manifest,
    workspace: Workspace,
    text: str | None,
    drop_missing: bool,
) -> "pd.Series[str] | None":
    """Return the content of each id's text, or None where the head reads no text."""
    trained_on = stored.text
    if trained_on is None:
        return None
    available = sources(workspace.transcripts)
    if manifest.frame["text"].notna().any():
        available = [*available, MANIFEST]
    default = trained_on if trained_on in available else None
    source, texts = texts_of(manifest, workspace.transcripts, text or default)
    if source != trained_on:
        say(
            f"{stored.run.name}: it was trained on the texts of {trained_on!r} and reads those of "
            f"{source!r} here"
        )
    if not drop_missing:
        require_texts(texts, source)
    texts = texts.dropna()
    return pd.Series([content_of(value) for value in texts], index=texts.index, dtype="str")
