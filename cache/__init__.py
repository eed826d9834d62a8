"""Layer features on disk: computed once, read many times, by the utterance's content."""

from medusa.cache.loader import Stream, load
from medusa.cache.packed import Packed, cat
from medusa.cache.spec import FeatureSpec, SpecError
from medusa.cache.store import FeatureStore, StoreError, open_all
from medusa.cache.writer import StoreWriter, WriteError

__all__ = [
    "FeatureSpec",
    "FeatureStore",
    "Packed",
    "SpecError",
    "StoreError",
    "StoreWriter",
    "Stream",
    "WriteError",
    "cat",
    "load",
    "open_all",
]
