"""A trained head on other utterances: rebuilt from its run, fed another workspace's features."""

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from medusa.cache import FeatureStore, open_all
from medusa.console import progress, say
from medusa.errors import MedusaError
from medusa.heads.config import HeadConfig, LossConfig
from medusa.heads.examples.join import DataError, Examples, gather
from medusa.heads.networks.discriminant import stride_of
from medusa.heads.networks.fusion import Head, build
from medusa.heads.runs.run_dir import WEIGHTS, RunDir
from medusa.heads.training.checkpoint import load_weights
from medusa.heads.training.loss import auxiliary
from medusa.heads.training.predict import predict
from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.texts import (
    MANIFEST,
    TextError,
    content_of,
    require_texts,
    sources,
    texts_of,
)
from medusa.scoring.predictions import Predictions
from medusa.workspace import Workspace

CPU = torch.device("cpu")
T = TypeVar("T", HeadConfig, LossConfig)
CHUNK = 2048  # utterances between two steps of the progress line


class ApplyError(MedusaError):
    """A head and a workspace that do not fit: other features, or utterances without them."""


def apply(
    run: RunDir,
    manifest: Manifest,
    workspace: Workspace,
    text: str | None = None,
    device: torch.device = CPU,
    drop_missing: bool = False,
) -> Predictions:
    """Predict utterances with a finished head, whatever classes their manifest has.

    Args:
        run: a finished run of kind `head`.
        manifest: the utterances; labels are not read.
        workspace: where their features and transcripts are.
        text: whose text is read (`texts_of`); by default the kind that the head was trained on,
            where there is such, else the one there is.
        device: where to compute.
        drop_missing: leave out utterances without features instead of refusing.

    Returns:
        The head's logits, and attributes if it learnt any; `split` is the manifest's.

    Raises:
        RunError: the run is not finished.
        ApplyError: the workspace lacks features of the head's specification, as a whole or for
            some utterances.
    """
    learnt_attributes = run.predictions().attributes() is not None
    config = run.config()
    shape = _settings(HeadConfig, run, config, "head")
    inputs = _bare(manifest, tuple(config["classes"]))
    chosen = _stores(run, config, workspace)
    try:
        contents = _contents(run, config, inputs, workspace, text, drop_missing)
        examples = gather(inputs, contents, chosen, stride_of(shape), drop_missing)
    except (DataError, TextError) as problem:
        raise ApplyError(f"{workspace.root}: {problem}") from problem
    if not examples.ids:
        raise ApplyError(f"{workspace.root}: none of the {len(inputs)} utterances has features")
    outputs = auxiliary(_settings(LossConfig, run, config, "loss"))
    head = build(shape, examples.widths, len(examples.classes), outputs)
    load_weights(run.path / WEIGHTS, head)
    logits, attributes = _predict(run, head.to(device), examples, device)
    return Predictions.of(
        examples.ids,
        examples.splits.tolist(),
        logits,
        attributes if learnt_attributes else None,
        examples.classes,
        run.digest(),
    )


def _settings(kind: type[T], run: RunDir, config: dict[str, Any], key: str) -> T:
    try:
        return kind(**config[key])
    except (KeyError, TypeError) as problem:
        raise ApplyError(
            f"{run.path}: its config.yaml describes no head of this version ({problem}); "
            "fit it again"
        ) from problem


def _bare(manifest: Manifest, classes: tuple[str, ...]) -> Manifest:
    """Return the same utterances without labels, in the head's classes: what a head reads."""
    frame = manifest.frame[["id", "content", "text"]].copy()
    frame["split"] = manifest.frame["split"].fillna("")  # a corpus may not be split yet
    return Manifest(frame, LabelScheme("of the head", classes))


def _stores(
    run: RunDir, config: dict[str, Any], workspace: Workspace
) -> list[tuple[FeatureStore, str]]:
    """Find the stores of the head's specifications, in its order, with the array of each."""
    stores = {store.spec.digest: store for store in open_all(workspace.features)}
    problems = []
    for one in config["features"]:
        if one["spec"] in stores:
            continue
        name = one["backbone"]
        same = [s.path.stem for s in stores.values() if s.spec.backbone == name]
        other = f" (there is {', '.join(same)}, made with other settings)" if same else ""
        problems.append(
            f"no features {name}-{one['spec'][:8]}, which {run.name} was trained on{other}; run "
            f"`medusa --workspace {workspace.root} extract --backbone {name}` with the settings "
            "of the training"
        )
    if problems:
        raise ApplyError("\n  ".join([f"{workspace.features}:", *problems]))
    return [(stores[one["spec"]], one["array"]) for one in config["features"]]


def _contents(
    run: RunDir,
    config: dict[str, Any],
    manifest: Manifest,
    workspace: Workspace,
    text: str | None,
    drop_missing: bool,
) -> "pd.Series[str] | None":
    """Return the content of each id's text, or None where the head reads no text."""
    own = config.get("text")
    if own is None:
        return None
    there = sources(workspace.transcripts)
    if manifest.frame["text"].notna().any():
        there = [*there, MANIFEST]
    source, texts = texts_of(
        manifest, workspace.transcripts, text or (own if own in there else None)
    )
    if source != own:
        say(f"{run.name}: trained on the texts of {own!r}, reads those of {source!r} here")
    if not drop_missing:
        require_texts(texts, source)
    texts = texts.dropna()
    return pd.Series([content_of(value) for value in texts], index=texts.index, dtype="str")


def _predict(
    run: RunDir, head: Head, examples: Examples, device: torch.device
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return logits (B, C) and attributes (B, 3) of all examples, showing how far it is."""
    count, logits, attributes = len(examples.ids), [], []
    with progress(run.name, count) as advance:
        for start in range(0, count, CHUNK):
            rows = np.arange(start, min(start + CHUNK, count))
            said, rated = predict(head, examples, rows, device)
            logits.append(said)
            attributes.append(rated)
            advance(len(rows))
    return np.concatenate(logits), np.concatenate(attributes)
