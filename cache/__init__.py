"""Layer features on disk: computed once, read many times, by the utterance's content."""

from medusa.cache.loader import Stream, load
from medusa.cache.packed import Packed, cat
from medusa.cache.spec import FeatureSpec, SpecError
from medusa.cache.store import FeatureStore, StoreError, open_all
from medusa.cache.view import View
from medusa.cache.view import open_view as open
from medusa.cache.writer import DiskError, StoreWriter, WriteError

__all__ = [
    "DiskError",
    "FeatureSpec",
    "FeatureStore",
    "Packed",
    "SpecError",
    "StoreError",
    "StoreWriter",
    "Stream",
    "View",
    "WriteError",
    "cat",
    "load",
    "open",
    "open_all",
]
