"""The description of a store: its spec, size, flags and provenance."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from medusa.bucket_path import located
from medusa.cache.layout import INDEX, read_provenance, read_spec, store_folders
from medusa.cache.store import FeatureStore
from medusa.errors import MedusaError, StoreError, listed, nearest

S = TypeVar("S")
T = TypeVar("T")


def folders(*features: Path) -> list[Path]:
    """Return the folder of every store in one or more `features/`, also of damaged stores."""
    return [path for one in features for path in store_folders(one, INDEX)]


def by_digest(*features: Path) -> tuple[dict[str, FeatureStore], list[str]]:
    """Return a store of each spec in one or more `features/`, and the errors of damaged stores.

    Of several stores of one spec, the first one with utterances counts.
    """
    opened, damaged = each(folders(*features), FeatureStore.open)
    found: dict[str, FeatureStore] = {}
    for store in sorted(opened, key=lambda one: not len(one)):
        found.setdefault(store.spec.digest, store)
    return found, damaged


def find(features: Path, name: str) -> Path:
    """Return the store that a user names by its path, its folder's name or its backbone.

    Raises:
        StoreError: no store has this name, or several have it.
    """
    if (located(name) / INDEX).is_dir():
        return located(name)
    stores = {path: _backbone(path) for path in folders(features)}
    fitting = [path for path in stores if name in (path.name, path.stem)]
    fitting = fitting or [path for path, backbone in stores.items() if name == backbone]
    if len(fitting) == 1:
        return fitting[0]
    if not stores:
        raise StoreError(
            f"{features}: there are no features yet; run `medusa extract --backbone ...` first"
        )
    names = [name for path, backbone in stores.items() for name in (path.stem, backbone)]
    problem = f"{len(fitting)} stores are called" if fitting else "no store is called"
    raise StoreError(
        f"{features}: {problem} {name!r}{nearest(name, names)}; choose one of {listed(names, 50)}"
    )


def differences(stores: Sequence[FeatureStore]) -> dict[Path, str]:
    """Return, for each store, the choices in which the stores of its backbone differ.

    A choice is an entry of `FeatureSpec.preprocessing`, such as `window_s=6`.
    """
    found = dict[Path, str]()
    for store in stores:
        mine = store.spec.preprocessing
        others = [
            one.spec.preprocessing for one in stores if one.spec.backbone == store.spec.backbone
        ]
        names = sorted({name for one in others for name in one})
        differing = [
            name for name in names if any(one.get(name) != mine.get(name) for one in others)
        ]
        found[store.path] = ", ".join(f"{name}={mine.get(name)}" for name in differing)
    return found


def each(stores: Iterable[S], act: Callable[[S], T]) -> tuple[list[T], list[str]]:
    """Return the result of `act` for each store, and the error message of each that fails."""
    done, damaged = [], []
    for store in stores:
        try:
            done.append(act(store))
        except MedusaError as problem:
            damaged.append(str(problem))
    return done, damaged


def refuse(damaged: Sequence[str]) -> None:
    """Raise one StoreError with these messages, if there are any."""
    if damaged:
        several = [f"{len(damaged)} stores could not be used:"] if len(damaged) > 1 else []
        raise StoreError("\n  ".join([*several, *damaged]))


def describe(store: FeatureStore) -> dict[str, Any]:
    """Return a store's spec, size, flags, rounding error and provenance as plain values.

    `rounding_error` is the root mean square of the differences between the computed and the stored
    values, in standard deviations of each utterance (for int8: of each channel).
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
        "provenance": read_provenance(store.path),
    }


def _backbone(path: Path) -> str:
    """Return the backbone of a store; where its spec is damaged, take it from the folder's name."""
    try:
        return read_spec(path).backbone
    except StoreError:
        return path.stem.rpartition("-")[0] or path.stem
