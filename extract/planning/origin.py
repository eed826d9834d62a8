"""Where the features of a store came from, for those who compute them again."""

from pathlib import Path

from medusa.cache import FeatureSpec
from medusa.cache.layout import read_provenance, read_spec
from medusa.errors import MedusaError
from medusa.extract.backbones import checkpoints, family

HUB = ("ssl", "text", "whisper_hf")  # the others have names of their own, and no revisions


def origin(store: Path, spec: FeatureSpec) -> tuple[str, str | None]:
    """Return what `--checkpoint` and `--revision` were; the first is empty if nothing says it."""
    if spec.checkpoint != "local" and spec.family in HUB:
        return spec.checkpoint, spec.revision
    made = read_provenance(store)
    return made.get("source") or checkpoints().get(spec.backbone, ""), None


def command(store: Path) -> str:
    """Return the command that computes a store anew, also where its spec is damaged.

    A store that was made with `--as` is named after that, not after its backbone.
    """
    name = store.stem.rpartition("-")[0]  # of the folder, `<backbone>-<digest>.zarr`
    if name not in checkpoints():
        name = f"{_backbone(store)} --as {name}"
    return f"medusa extract --backbone {name} --force"


def _backbone(store: Path) -> str:
    try:
        spec = read_spec(store)
        source, _ = origin(store, spec)
        known = "auto" if spec.family in HUB else next(iter(family(spec.family).CHECKPOINTS))
    except (MedusaError, ImportError, OSError, ValueError, AttributeError):
        return "NAME"
    return f"{known} --checkpoint {source}"
