"""Some stored features are extracted again and compared with the stored values."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from medusa.cache import FeatureStore
from medusa.errors import MedusaError, StoreError
from medusa.extract.backbones import load
from medusa.extract.encoders import (
    Backbone,
    BackboneEncoder,
    EncoderRunner,
    default_batch_seconds,
    pick_device,
)
from medusa.extract.inputs import Utterance
from medusa.extract.passes.plan import plan_batches
from medusa.extract.passes.stream import stream
from medusa.extract.planning import utterances_for
from medusa.extract.planning.origin import backbone_of, weights_of
from medusa.manifests import Manifest
from medusa.randomness import random_stream
from medusa.workspace import Workspace


@dataclass(frozen=True)
class Comparison:
    """The differences between recomputed and stored features.

    Attributes:
        utterances: the number of utterances that were computed again.
        largest: the largest absolute difference.
        relative: the largest difference in standard deviations of the stored values.
        worst: the id of the utterance with the largest difference.
    """

    utterances: int
    largest: float
    relative: float
    worst: str


def recompute(
    workspace: Workspace,
    store: FeatureStore,
    count: int,
    device: str,
    checkpoint: str | None = None,
    text: str | None = None,
    seed: int = 0,
) -> Comparison:
    """Draw some stored utterances with a seed, extract them again, and compare.

    Args:
        workspace: the workspace of the store.
        store: the stored features.
        count: the number of utterances to draw.
        device: the device, as `--device` takes it.
        checkpoint: the present folder or file of the weights; by default the original one.
        text: the source of the texts of text features; see `texts_of`.
        seed: the seed of the draw.

    Raises:
        StoreError: the weights or the choices are not those of the store, no utterance of the
            store is in the manifest, or an utterance can no longer be encoded.
    """
    device = pick_device(device)
    backbone = _backbone(store, checkpoint)
    corpus = utterances_for(store.spec.input, Manifest.read(workspace.manifest), workspace, text)
    stored = [one for one in corpus if one.content in store]
    if not stored:
        raise StoreError(
            f"{store.path}: none of its utterances is in {workspace.manifest}; use the manifest of "
            "the extraction"
        )
    rng = random_stream(seed, "recomputed utterances")
    chosen = [stored[i] for i in rng.choice(len(stored), min(count, len(stored)), replace=False)]
    encoder = load(backbone, store.spec.layers, device)
    runner = EncoderRunner(encoder, backbone, store.spec.reduce, device)
    seconds = default_batch_seconds(device, backbone.least_s)
    plan = plan_batches(chosen, seconds, backbone.least_s)
    differences = []
    prepare = partial(_prepared, encoder)
    for batch in stream(plan, prepare, runner.features, backbone.rate_hz):
        for utterance, encoded in batch:
            if isinstance(encoded, MedusaError):
                raise StoreError(utterance.failure(encoded))
            encoded.ready()
            differences.append((*_difference(store, utterance, encoded.values), utterance.id))
    largest, relative, worst = max(differences)
    return Comparison(len(differences), largest, relative, worst)


def _prepared(encoder: BackboneEncoder, utterance: Utterance, source: Any) -> Any:
    """Prepare an utterance, with the signature that `stream` expects."""
    return encoder.prepare(source)


def _backbone(store: FeatureStore, checkpoint: str | None) -> Backbone:
    """Find the weights again and make sure that the store was made with them."""
    source, revision = weights_of(store.path, store.spec)
    return backbone_of(store.spec, checkpoint or source, revision, str(store.path))


def _difference(
    store: FeatureStore, utterance: Utterance, values: torch.Tensor
) -> tuple[float, float]:
    """Return the largest difference over all arrays, absolute and in standard deviations."""
    pairs = []
    for name, fresh in zip(store.spec.arrays, values, strict=True):
        kept = store.read([utterance.content], name).to("cpu", torch.float32).values
        if kept.shape != fresh.shape:
            raise StoreError(
                f"{utterance.id}: {len(kept)} frames are stored, and {len(fresh)} are computed "
                "now; extract it again"
            )
        gap = float((kept - fresh).abs().max())
        pairs.append((gap, gap / max(float(kept.std(correction=0)), 1e-12)))
    return max(pairs)
