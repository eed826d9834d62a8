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
from medusa.errors import StoreError

if TYPE_CHECKING:
    import torch

Rows = npt.NDArray[np.integer]


class JoinedStore(FeatureStore):
    """The committed features of several stores of one spec; of equal contents the first counts.

    Its attribute `path` is the folder of the first store. The shards of the index are numbered
    through all stores.

    Args:
        parts: two or more stores.

    Raises:
        StoreError: they are int8 with different channel scales.
    """

    def __init__(self, parts: Sequence[FeatureStore]) -> None:
        self.parts = list(parts)
        first = self.parts[0]
        super().__init__(first.path, first.spec, _join([one.index for one in parts]))
        self.places = tuple(one.path for one in parts)
        sizes = [len(one.index.shard) for one in parts]
        self.first_rows = np.cumsum([0, *sizes[:-1]])
        if first.spec.dtype == "int8":
            self._require_equal_scales()

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Pickle the paths alone: another process opens the stores for itself."""
        return open_places, (self.places,)

    def prefetch(self, rows: Rows, array: str) -> None:
        """Start reading these utterances from the disks and the buckets."""
        numbers = self._numbers(rows)
        for number in np.unique(numbers):
            own = rows[numbers == number] - self.first_rows[number]
            self.parts[number].prefetch(own, array)

    def size_bytes(self) -> int:
        """Return the number of bytes that the shards of all stores take."""
        return sum(one.size_bytes() for one in self.parts)

    def _read(self, name: str, rows: Rows, out: npt.NDArray[np.generic]) -> None:
        stops = np.cumsum(self.index.length[rows])
        for number, run in _runs(self._numbers(rows)):
            start = int(stops[run.start] - self.index.length[rows[run.start]])
            own = rows[run] - self.first_rows[number]
            self.parts[number]._read(name, own, out[start : int(stops[run.stop - 1])])

    def _channel(self, array: str) -> "torch.Tensor":
        return next(one for one in self.parts if len(one))._channel(array)

    def _numbers(self, rows: Rows) -> Rows:
        """Return the number of the store of each row."""
        return np.searchsorted(self.first_rows, rows, side="right") - 1

    def _require_equal_scales(self) -> None:
        """Raise an error if the channel scales of int8 stores differ."""
        seals = {int(one.index.crc32c()[0, -1]): one.path for one in self.parts if len(one)}
        if len(seals) > 1:
            first, other = list(seals.values())[:2]
            raise StoreError(
                f"{other}: its int8 values have other channel scales than those of {first}, since "
                "each extraction measured its own; extract one of them with --set dtype=float16"
            )


def open_all(*folders: Path) -> list[FeatureStore]:
    """Open every store with committed utterances in one or more `features/`, sorted by name.

    Stores with one name, which is the digest of a spec, are joined by content.
    """
    places: dict[str, list[Path]] = {}
    for folder in folders:
        for path in store_folders(folder, SPEC):
            places.setdefault(path.name, []).append(path)
    stores = [open_places(places[name]) for name in sorted(places)]
    return [store for store in stores if len(store)]


def open_places(paths: Sequence[Path]) -> FeatureStore:
    """Open stores of one spec as one store.

    Raises:
        StoreError: the folders have different specs, or a store is damaged.
    """
    parts = [FeatureStore.open(path) for path in paths]
    for one in parts[1:]:
        if one.spec.digest != parts[0].spec.digest:
            raise StoreError(f"{one.path}: its spec is not that of {parts[0].path}")
    return JoinedStore(parts) if len(parts) > 1 else parts[0]


def _join(parts: Sequence[index.Index]) -> index.Index:
    """Return the index of all rows, with the shards numbered through."""
    tables, first = [], 0
    for part in parts:
        shards = pa.array(part.shard + first, pa.int32())
        tables.append(part.table.set_column(1, index.SCHEMA.field("shard"), shards))
        first += int(part.shard.max(initial=-1)) + 1
    return index.of_table(pa.concat_tables(tables))


def _runs(numbers: Rows) -> Iterator[tuple[int, slice]]:
    """Yield each run of one number, with its place."""
    bounds = np.flatnonzero(np.diff(numbers)) + 1
    for start, stop in zip([0, *bounds], [*bounds, len(numbers)], strict=True):
        if stop > start:
            yield int(numbers[start]), slice(int(start), int(stop))
