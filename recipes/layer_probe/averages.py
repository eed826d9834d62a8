"""All layers of a sample, extracted into a hidden store and averaged over time."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medusa.cache import FeatureStore
from medusa.extract.extract_features import extract_features
from medusa.extract.extraction_options import ExtractionOptions
from medusa.heads.networks.segments import segment_mean
from medusa.manifests import Manifest
from medusa.workspace import Workspace, remove

AT_ONCE = 128  # So many utterances are averaged together.
HIDDEN = ".probe-layers"


def hidden_workspace(workspace: Workspace, name: str) -> Workspace:
    """Return the workspace of a sample: beside the manifest, whose paths are relative."""
    return replace(
        workspace,
        manifest=workspace.manifest.with_name(f"{HIDDEN}-{name}.parquet"),
        features=workspace.root / HIDDEN / name,
        also_features=(),
    )


def extract_averages(
    hidden: Workspace, sample: Manifest, backbone: str, options: ExtractionOptions
) -> tuple[Manifest, dict[int, npt.NDArray[np.float32]]]:
    """Extract all layers of a sample, and return the averages of its utterances.

    An interrupted extraction continues where it stopped.

    Args:
        hidden: the workspace of the sample, as `hidden_workspace` returns it.
        sample: the utterances.
        backbone, options: as `extract_features` takes them.

    Returns:
        The utterances that have features, (n), and for each layer their means and standard
        deviations over time, (n, 2 D).

    Raises:
        MedusaError: the features cannot be computed.
    """
    sample.write(hidden.manifest)
    every = replace(options, layers="all", reduce="none", splits=(), force=False)
    (result,) = extract_features(hidden, [backbone], every)
    contents = {one.id: one.content for one in result.job.utterances}
    present = sample.where(sample.frame["id"].isin(contents))
    wanted = [contents[name] for name in present.frame["id"]]
    store = FeatureStore.open(result.job.store)
    layers = zip(store.spec.layers, store.spec.arrays, strict=True)
    return present, {layer: _averages(store, wanted, array) for layer, array in layers}


def clear(hidden: Workspace) -> None:
    """Remove the features and the manifest of a sample."""
    remove(hidden.features)
    hidden.manifest.unlink(missing_ok=True)
    parent: Path = hidden.features.parent
    if parent.name == HIDDEN and parent.exists() and not any(parent.iterdir()):
        parent.rmdir()


def _averages(store: FeatureStore, contents: Sequence[str], array: str) -> npt.NDArray[np.float32]:
    """Return means and standard deviations over time, (n, 2 D)."""
    parts = []
    for start in range(0, len(contents), AT_ONCE):
        frames = store.read(contents[start : start + AT_ONCE], array).to("cpu")
        mean = segment_mean(frames)
        apart = frames.values.float() - mean[frames.owners]
        deviation = segment_mean(frames.like(apart.square())).sqrt()
        parts.append(np.concatenate([mean.numpy(), deviation.numpy()], 1))
    return np.concatenate(parts)
