"""The recorded facts about the features that the heads of a run read."""

from collections.abc import Sequence
from typing import Any

from medusa.cache import FeatureStore
from medusa.cache.info import by_digest
from medusa.cache.layout import read_provenance
from medusa.inference.bundle.licences import licence_of
from medusa.workspace import Workspace


def card_features(heads: Sequence[dict[str, Any]], workspace: Workspace) -> list[dict[str, Any]]:
    """Return the identity, the licence and the making of each feature store, without a path.

    Args:
        heads: the configurations of the heads.
        workspace: with the stores. A store that is absent has a row with its name and digest.

    Raises:
        StoreError: the provenance of a store is damaged.
    """
    stores, _ = by_digest(*workspace.feature_folders)
    wanted = {one["spec"]: one["backbone"] for config in heads for one in config["features"]}
    return [_facts(name, digest, stores.get(digest)) for digest, name in wanted.items()]


def _facts(name: str, digest: str, store: FeatureStore | None) -> dict[str, Any]:
    """Return the facts of one store."""
    facts = {"name": name, "digest": digest[:8]}
    if store is None:
        return facts
    spec, made = store.spec, read_provenance(store.path)
    return facts | {
        "checkpoint": spec.checkpoint,
        "revision": spec.revision,
        "layers": list(spec.layers),
        "dtype": spec.dtype,
        "licence": licence_of(spec.checkpoint),
        "device": made.get("device"),
        "versions": made.get("versions", {}),
    }
