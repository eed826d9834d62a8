"""The weights from which a store was made, and the command that makes it again."""

from pathlib import Path

from medusa.cache import FeatureSpec
from medusa.cache.layout import read_provenance, read_spec
from medusa.errors import ConfigError, MedusaError, StoreError
from medusa.extract.backbones import checkpoints, families, family
from medusa.extract.encoders import Backbone, variant_of_store


def weights_of(store: Path, spec: FeatureSpec) -> tuple[str, str | None]:
    """Return the `--checkpoint` and `--revision` of a store; an unknown checkpoint is empty."""
    if spec.checkpoint != "local" and spec.family in families() and family(spec.family).ON_HUB:
        return spec.checkpoint, spec.revision
    provenance = read_provenance(store)
    return provenance.get("source") or checkpoints().get(spec.backbone, ""), None


def backbone_of(spec: FeatureSpec, source: str, revision: str | None, owner: str) -> Backbone:
    """Find the backbone that computes features of a specification.

    Args:
        spec: the identity of the features.
        source, revision: the weights, as `weights_of` returns them.
        owner: the store or the model of the features, for errors.

    Raises:
        StoreError: the weights are unknown, or other weights or choices than those of `spec`.
    """
    if spec.family not in families():
        raise StoreError(
            f"{owner}: the features belong to the family {spec.family!r}, which cannot be "
            f"computed here; expected one of {', '.join(families())}"
        )
    if not source:
        raise StoreError(
            f"{owner}: the place of its weights is not recorded; name them with --checkpoint"
        )
    # The family describes the backbone, because the store may be named after `--as`.
    backbone = family(spec.family).describe(spec.backbone, source, revision)
    try:
        backbone = variant_of_store(backbone, spec.preprocessing)
    except ConfigError as problem:
        raise StoreError(
            f"{owner}: it was made from other weights, whose choices these weights lack "
            f"({problem}); name the right weights with --checkpoint"
        ) from problem
    fresh = backbone.spec(spec.layers, spec.reduce, spec.dtype)
    if fresh.digest != spec.digest:
        old, new = spec.to_dict(), fresh.to_dict()
        fields = ", ".join(key for key in old if old[key] != new[key])
        raise StoreError(
            f"{owner}: it was made from other weights or with other choices ({fields}); name the "
            "right weights with --checkpoint"
        )
    return backbone


def extraction_command(store: Path) -> str:
    """Return the command that computes a store again, even if its spec is damaged.

    A store that was made with `--as` has this label as its name.
    """
    name = store.stem.rpartition("-")[0]  # the folder's name is `<backbone>-<digest>.zarr`
    if name not in checkpoints():
        name = f"{_backbone(store)} --as {name}"
    return f"medusa extract --backbone {name} --force"


def _backbone(store: Path) -> str:
    """Return a store's backbone and checkpoint as options, or `NAME` if they cannot be read."""
    try:
        spec = read_spec(store)
        source, _ = weights_of(store, spec)
        made_by = family(spec.family)
        known = "auto" if made_by.ON_HUB else next(iter(made_by.CHECKPOINTS))
    except (MedusaError, ImportError, OSError, ValueError, AttributeError):
        return "NAME"
    return f"{known} --checkpoint {source}"
