"""Who said what, and how it was labelled: one table per corpus, with its label scheme inside."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medusa.manifests.label_scheme import ATTRIBUTES, LabelScheme
    from medusa.manifests.manifest import Manifest, ManifestError

__all__ = ["ATTRIBUTES", "LabelScheme", "Manifest", "ManifestError"]


def __getattr__(name: str) -> object:
    """Import `manifest`, and with it pandas, only when one of its names is asked for."""
    if name in __all__:
        return getattr(importlib.import_module("medusa.manifests.manifest"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
