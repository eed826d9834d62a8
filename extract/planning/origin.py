"""The weights from which a store was made, and the command that makes it again."""

from pathlib import Path

from medusa.cache import FeatureSpec
from medusa.cache.layout import read_provenance, read_spec
from medusa.errors import MedusaError
from medusa.extract.backbones import checkpoints, families, family


def weights_of(store: Path, spec: FeatureSpec) -> tuple[str, str | None]:
    """Return the `--checkpoint` and `--revision` of a store; an unknown checkpoint is empty."""
    if spec.checkpoint != "local" and spec.family in families() and family(spec.family).ON_HUB:
        return spec.checkpoint, spec.revision
    provenance = read_provenance(store)
    return provenance.get("source") or checkpoints().get(spec.backbone, ""), None


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
