"""Layer features on disk: computed once, read many times, by the utterance's content."""

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
    "WriteError",
    "cat",
    "open_all",
]
