"""Whether stored features still come out of the model: some are computed again and compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from medusa.cache import FeatureStore
from medusa.errors import MedusaError
from medusa.extract.backbones import families, family
from medusa.extract.encoders.devices import batch_seconds
from medusa.extract.encoders.encoder import Backbone
from medusa.extract.encoders.layers import averaged, reduced
from medusa.extract.encoders.precision import lowered
from medusa.extract.encoders.variants import VariantError, again, pool_of
from medusa.extract.inputs.batches import Utterance, batches
from medusa.extract.passes.stream import sentence, stream
from medusa.extract.planning.jobs import utterances
from medusa.extract.planning.origin import origin
from medusa.manifests import Manifest
from medusa.workspace import Workspace


class RecomputeError(MedusaError):
    """Features that cannot be computed again here."""


@dataclass(frozen=True)
class Comparison:
    """How far recomputed features are from the stored ones.

    Attributes:
        utterances: how many were computed again.
        largest: the largest absolute difference.
        relative: that, in standard deviations of the stored values.
        worst: the id of the utterance where it was.
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
    """Extract some stored utterances again, drawn with a seed, and compare.

    Args:
        workspace: with the manifest that the features are of.
        store: the features.
        count: how many utterances.
        device: where to compute.
        checkpoint: where the weights are now; by default where they were.
        text: whose text, for text features.

    Raises:
        RecomputeError: the weights or the choices are not those of the store, no utterance of the
            store is in the manifest, or one cannot be encoded any more.
    """
    backbone = _backbone(store, checkpoint)
    corpus = utterances(store.spec.input, Manifest.read(workspace.manifest), workspace, text)
    there = [one for one in corpus if one.content in store]
    if not there:
        raise RecomputeError(f"{store.path}: none of its utterances is in {workspace.manifest}")
    rng = np.random.default_rng(seed)
    chosen = [there[i] for i in rng.choice(len(there), min(count, len(there)), replace=False)]
    encoder = family(backbone.family).load(backbone, store.spec.layers, device)
    plan = batches(chosen, batch_seconds(device, backbone.least_s), backbone.least_s)
    differences = []
    encode = lowered(encoder.encode, backbone, device)
    for answers in stream(plan, encoder.prepare, encode, backbone.rate_hz or 0):
        for utterance, encoded in answers:
            if isinstance(encoded, MedusaError):
                raise RecomputeError(sentence(utterance, encoded))
            values = reduced(encoded.values.float(), store.spec.reduce)
            values = averaged(values, pool_of(backbone)).cpu()
            differences.append((*_difference(store, utterance, values), utterance.id))
    largest, relative, worst = max(differences)
    return Comparison(len(differences), largest, relative, worst)


def _backbone(store: FeatureStore, checkpoint: str | None) -> Backbone:
    """Find the weights again and make sure they are the ones."""
    spec = store.spec
    if spec.family not in families():
        raise RecomputeError(
            f"{store.path}: of family {spec.family!r}, which nothing here computes; it has "
            f"{', '.join(families())}"
        )
    source, revision = origin(store.path, spec)
    if not (checkpoint or source):
        raise RecomputeError(
            f"{store.path}: does not say where its weights are; name them with --checkpoint"
        )
    # by its family: the store may be named after `--as`
    backbone = family(spec.family).describe(spec.backbone, checkpoint or source, revision)
    try:
        backbone = again(backbone, spec.preprocessing)
    except VariantError as problem:
        raise RecomputeError(
            f"{store.path}: made from other weights, which could do what these cannot ({problem}); "
            "name the right weights with --checkpoint"
        ) from problem
    fresh = backbone.spec(spec.layers, spec.reduce, spec.dtype)
    if fresh.digest != spec.digest:
        old, new = spec.to_dict(), fresh.to_dict()
        fields: Sequence[str] = [key for key in old if old[key] != new[key]]
        raise RecomputeError(
            f"{store.path}: made from other weights or with other choices ({', '.join(fields)}); "
            "name the right weights with --checkpoint"
        )
    return backbone


def _difference(
    store: FeatureStore, utterance: Utterance, values: torch.Tensor
) -> tuple[float, float]:
    """Return the largest difference over all arrays, absolute and in standard deviations."""
    pairs = []
    for name, fresh in zip(store.spec.arrays, values, strict=True):
        kept = store.read([utterance.content], name).to("cpu", torch.float32).values
        if kept.shape != fresh.shape:
            raise RecomputeError(f"{utterance.id}: {len(kept)} frames stored, {len(fresh)} now")
        gap = float((kept - fresh).abs().max())
        pairs.append((gap, gap / max(float(kept.std(correction=0)), 1e-12)))
    return max(pairs)
