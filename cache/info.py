"""What there is to know about a store."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from medusa.cache.layout import PROVENANCE
from medusa.cache.store import FeatureStore, StoreError, open_all
from medusa.errors import listed, nearest


def find(features: Path, name: str) -> FeatureStore:
    """Return the store that a user means by a folder's name or a backbone.

    Raises:
        StoreError: none fits, or several do.
    """
    stores = open_all(features)
    names = [name for store in stores for name in (store.path.stem, store.spec.backbone)]
    fitting = [s for s in stores if name in (s.path.name, s.path.stem, s.spec.backbone)]
    if len(fitting) == 1:
        return fitting[0]
    if not stores:
        raise StoreError(f"{features}: no features yet; run `medusa extract --backbone ...` first")
    problem = f"{len(fitting)} stores are called" if fitting else "no store is called"
    raise StoreError(
        f"{features}: {problem} {name!r}{nearest(name, names)}; there is {listed(names, 50)}"
    )


def describe(store: FeatureStore) -> dict[str, Any]:
    """Return a store's spec, size, flags, rounding error and provenance as plain values.

    `rounding_error` is the root mean square difference between what was computed and what is
    stored, in standard deviations (of each utterance; of each channel for int8).
    """
    spec = store.spec
    rows = np.fromiter(store.index.rows.values(), np.int64, len(store))
    frames = int(store.index.length[rows].sum())
    errors = store.index.table["error"].to_numpy()[rows]
    return {
        "store": store.path.name,
        **{key: value for key, value in spec.to_dict().items() if key != "preprocessing"},
        "preprocessing": spec.preprocessing,
        "digest": spec.digest,
        "utterances": len(store),
        "frames": frames,
        "hours": None
        if spec.frame_shift_s is None
        else round(frames * spec.frame_shift_s / 3600, 3),
        "shards": len(store.used),
        "bytes": store.size_bytes(),
        "rounding_error": float(np.sqrt(np.square(errors).mean())) if len(errors) else 0.0,
        "flags": store.index.flags(),
        "provenance": json.loads((store.path / PROVENANCE).read_bytes()),
    }
