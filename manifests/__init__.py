"""Who said what, and how it was labelled: one table per corpus, with its label scheme inside."""

from medusa.manifests.manifest import ATTRIBUTES, LabelScheme, Manifest, ManifestError

__all__ = ["ATTRIBUTES", "LabelScheme", "Manifest", "ManifestError"]
