"""A manifest is the table of one corpus: a row per utterance, with its label scheme inside.

`importers/` reads the folder of a corpus, with one file per corpus; `import_tools/` has the parts
that the importers share. The result is a `Manifest`: a table with ids, paths, speakers, splits,
texts, soft labels (U, C) and attributes, the votes, and a `LabelScheme` with the C classes in
order. `labels/` turns votes into labels, `splits/` divides the utterances, and `audit/` lists the
faults of a manifest.

This room imports no other room. Its door is `Manifest.read`, `Manifest.write` and
`corpora.load(NAME).import_corpus(ROOT)`.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medusa.manifests.label_scheme import ATTRIBUTES, LabelScheme
    from medusa.manifests.manifest import Manifest

__all__ = ["ATTRIBUTES", "LabelScheme", "Manifest"]


def __getattr__(name: str) -> object:
    """Import `manifest`, and with it pandas, only when the caller uses one of its names."""
    if name in __all__:
        return getattr(importlib.import_module("medusa.manifests.manifest"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
