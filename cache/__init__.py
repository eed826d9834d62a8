"""Layer features on disk: they are computed once and read many times.

The key of an utterance is its *content*: the digest of its audio or of its text. `StoreWriter`
takes arrays (K, T, D): K layers, T frames, width D. `FeatureStore` and `View` return them as
`Packed`: values (N, D) of B utterances without padding, and lengths (B,). `load` streams such
batches.

A `FeatureSpec` records everything that changes the numbers. Its digest names the store's folder.
`cache.exchange` converts stores to other formats, and `cache.upkeep` works on whole stores. This
room imports `manifests` and the modules at the root, never `extract` or `heads`.

Other code enters through `FeatureStore.open` and `StoreWriter`, and other projects through `open`.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medusa.cache.joined import open_all, open_places
    from medusa.cache.loader import Stream, load
    from medusa.cache.packed import Packed, cat
    from medusa.cache.spec import FeatureSpec
    from medusa.cache.store import FeatureStore
    from medusa.cache.view import View
    from medusa.cache.view import load_features as open
    from medusa.cache.writer import StoreWriter

__all__ = [
    "FeatureSpec",
    "FeatureStore",
    "Packed",
    "StoreWriter",
    "Stream",
    "View",
    "cat",
    "load",
    "open",
    "open_all",
    "open_places",
]

# Public name -> its module. The module, and torch with it, is imported when the name is first used.
_MODULES = {
    "FeatureSpec": "spec",
    "FeatureStore": "store",
    "Packed": "packed",
    "StoreWriter": "writer",
    "Stream": "loader",
    "View": "view",
    "cat": "packed",
    "load": "loader",
    "open": "view",
    "open_all": "joined",
    "open_places": "joined",
}


def __getattr__(name: str) -> object:
    """Import the module of a public name at its first use, with the libraries that it needs."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"medusa.cache.{_MODULES[name]}")
    return getattr(module, "load_features" if name == "open" else name)
