"""Stores of one spec in several folders, read as one store and joined by content.

The folders may be those of other workspaces, or in a bucket. Nothing is copied, and nothing is
written to them.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from medusa.cache import index
from medusa.cache.layout import SPEC, store_folders
from medusa.cache.store import FeatureStore
from medusa.console import say
from medusa.errors import StoreError

if TYPE_CHECKING:
    import torch

Rows = npt.NDArray[np.integer]


class JoinedStore(FeatureStore):
    """The committed features of several stores of one spec; of equal contents the first counts.

    Its attribute `path` is the folder of the first store. The shards of the index are numbered
    through all stores. Rows of the index are those of this object: another one, opened later, may
    have more utterances and other rows.

    Args:
        parts: two or more stores with utterances. If they are int8, they have the same scales.
    """

    def __init__(self, parts: Sequence[FeatureStore]) -> None:
        self.parts = list(parts)
        first = self.parts[0]
        super().__init__(first.path, first.spec, _join([one.index for one in parts]))
        self.places = tuple(one.path for one in parts)
        sizes = [len(one.index.shard) for one in parts]
        self.first_rows = np.cumsum([0, *sizes[:-1]])

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Pickle the paths alone: another process opens the stores for itself."""
        return open_places, (self.places,)

    def prefetch(self, rows: Rows, array: str) -> None:
        """Start reading these utterances from the disks and the buckets."""
        for number, chosen in self._by_store(rows):
            self.parts[number].prefetch(rows[chosen] - self.first_rows[number], array)

    def size_bytes(self) -> int:
        """Return the number of bytes that the shards of all stores take."""
        return sum(one.size_bytes() for one in self.parts)

    def _read(self, name: str, rows: Rows, out: npt.NDArray[np.generic]) -> None:
        lengths = self.index.length[rows]
        stops = np.cumsum(lengths)
        for number, chosen in self._by_store(rows):
            own = np.empty((int(lengths[chosen].sum()), out.shape[1]), out.dtype)
            self.parts[number]._read(name, rows[chosen] - self.first_rows[number], own)
            at = 0
            for length, stop in zip(lengths[chosen].tolist(), stops[chosen].tolist(), strict=True):
                out[stop - length : stop] = own[at : at + length]
                at += length

    def _channel(self, array: str) -> "torch.Tensor":
        return self.parts[0]._channel(array)

    def _by_store(self, rows: Rows) -> Iterator[tuple[int, Rows]]:
        """Yield the number of each store that has some of the rows, and their places in `rows`."""
        numbers = np.searchsorted(self.first_rows, rows, side="right") - 1
        for number in np.unique(numbers).tolist():
            yield number, np.flatnonzero(numbers == number)


def open_all(*folders: Path) -> list[FeatureStore]:
    """Open every store with committed utterances in one or more `features/`, sorted by name.

    Stores with one name, which is the digest of a spec, are joined by content.

    Raises:
        StoreError: a store is damaged, or a folder after the first one has no stores.
    """
    places: dict[str, list[Path]] = {}
    for number, folder in enumerate(folders):
        found = store_folders(folder, SPEC)
        if number and not found:
            raise StoreError(
                f"{folder}: no feature stores are here; name the folder `features` of another "
                "workspace as `also_features` in medusa.yaml, or take this folder out of it"
            )
        for path in found:
            places.setdefault(path.name, []).append(path)
    stores = [open_places(places[name]) for name in sorted(places)]
    return [store for store in stores if len(store)]


def open_places(paths: Sequence[Path]) -> FeatureStore:
    """Open stores of one spec as one store.

    An int8 store has its own scales of the channels; stores with other scales than the first one
    are left out with a message.

    Raises:
        StoreError: the folders have different specs, or a store is damaged.
    """
    opened = [FeatureStore.open(path) for path in paths]
    for one in opened[1:]:
        if one.spec.digest != opened[0].spec.digest:
            raise StoreError(f"{one.path}: its spec is not that of {opened[0].path}")
    parts = [one for one in opened if len(one)] or opened[:1]
    if parts[0].spec.dtype == "int8" and len(parts) > 1:
        parts = _of_equal_scales(parts)
    return JoinedStore(parts) if len(parts) > 1 else parts[0]


def _of_equal_scales(parts: Sequence[FeatureStore]) -> list[FeatureStore]:
    """Return the int8 stores with the channel scales of the first one, and report the others."""
    seals = [int(one.index.crc32c()[0, -1]) for one in parts]
    for one, seal in zip(parts, seals, strict=True):
        if seal != seals[0]:
            say(
                f"{one.path}: left out, because its int8 values have other channel scales than "
                f"those of {parts[0].path}; float16 features can be joined"
            )
    return [one for one, seal in zip(parts, seals, strict=True) if seal == seals[0]]


def _join(parts: Sequence[index.Index]) -> index.Index:
    """Return the index of all rows, with the shards numbered through."""
    tables, first = [], 0
    for part in parts:
        shards = pa.array(part.shard + first, pa.int32())
        tables.append(part.table.set_column(1, index.SCHEMA.field("shard"), shards))
        first += int(part.shard.max(initial=-1)) + 1
    return index.of_table(pa.concat_tables(tables))
