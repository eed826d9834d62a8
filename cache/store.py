"""Reading features: shards are mapped, utterances come out packed, by content."""

import mmap
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from medusa.cache import index
from medusa.cache.layout import (
    FOOTER_BYTES,
    SHARD_FRAMES,
    checksum,
    is_flat,
    read_spec,
    shard_path,
)
from medusa.cache.packed import Packed
from medusa.cache.spec import FeatureSpec
from medusa.errors import MedusaError, listed, nearest

OPEN_SHARDS = 4096  # maps kept; far below the kernel's limit of 65,530


class StoreError(MedusaError):
    """Features that are missing or damaged."""


class FeatureStore:
    """The committed features of one spec, by the utterance's content.

    Attributes:
        path: the folder.
        spec: what the features are.
        index: content -> where it lies.
    """

    def __init__(self, path: Path, spec: FeatureSpec, entries: dict[str, index.Entry]) -> None:
        self.path, self.spec, self.index = path, spec, entries
        self._maps: OrderedDict[tuple[str, int], npt.NDArray[np.floating]] = OrderedDict()
        self._used = _frames_used(entries.values())

    @classmethod
    def open(cls, path: Path) -> "FeatureStore":
        """Open a store as it is committed now.

        Raises:
            SpecError: there is no store here.
            IndexDamaged: an index record cannot be read.
        """
        return cls(path, read_spec(path), index.load(path))

    def __len__(self) -> int:
        return len(self.index)

    def __contains__(self, content: str) -> bool:
        return content in self.index

    def missing(self, contents: Iterable[str]) -> list[str]:
        """Return the contents that are not in the store, in order, each once."""
        return [content for content in dict.fromkeys(contents) if content not in self.index]

    def lengths(self, contents: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the number of frames of each utterance."""
        return np.array([self._entry(content).length for content in contents], np.int64)

    def read(self, contents: Sequence[str], array: str | None = None) -> Packed:
        """Return utterances in the order asked, packed, in the stored dtype.

        Args:
            contents: B content digests.
            array: which layer or reduction; may be left out where there is only one.

        Returns:
            Packed with values (N, D).

        Raises:
            StoreError: an utterance or the array is not in the store, or a shard is damaged.
        """
        name = self._array(array)
        entries = [self._entry(content) for content in contents]
        lengths = np.array([entry.length for entry in entries], np.int64)
        out = np.empty((int(lengths.sum()), self.spec.width), self.spec.dtype)
        position = 0
        for entry in entries:
            rows = self._shard(name, entry.shard)[entry.start : entry.start + entry.length]
            out[position : position + entry.length] = rows
            position += entry.length
        return Packed(torch.from_numpy(out), torch.from_numpy(lengths))

    def verify(self) -> list[str]:
        """Return one sentence for every utterance whose numbers are not the ones committed."""
        problems = []
        for content, entry in self.index.items():
            for name, expected in zip(self.spec.arrays, entry.crc32c, strict=True):
                try:
                    rows = self._shard(name, entry.shard)[entry.start : entry.start + entry.length]
                except StoreError as problem:
                    problems.append(str(problem))
                    continue
                if checksum(rows) != expected:
                    where = shard_path(self.path, name, entry.shard)
                    problems.append(f"{where}: utterance {content}: checksum differs")
        return list(dict.fromkeys(problems))

    def size_bytes(self) -> int:
        """Return the bytes on disk of all committed shards."""
        return sum(
            path.stat().st_size
            for name in self.spec.arrays
            for shard in self._used
            if (path := shard_path(self.path, name, shard)).exists()
        )

    def _array(self, name: str | None) -> str:
        arrays = self.spec.arrays
        if name is None and len(arrays) == 1:
            return arrays[0]
        if name not in arrays:
            hint = nearest(name, arrays) if name else ""
            raise StoreError(f"{self.path}: choose one of its layers: {listed(arrays, 50)}{hint}")
        return name

    def _entry(self, content: str) -> index.Entry:
        try:
            return self.index[content]
        except KeyError:
            raise StoreError(
                f"{self.path}: no features for content {content}; "
                f"run `medusa extract --backbone {self.spec.backbone}`"
            ) from None

    def _shard(self, name: str, shard: int) -> npt.NDArray[np.floating]:
        """Return a shard as a matrix (frames, D): mapped, or decoded where it is not flat."""
        key = (name, shard)
        if key in self._maps:
            self._maps.move_to_end(key)
            return self._maps[key]
        self._maps[key] = self._open_shard(name, shard)
        if len(self._maps) > OPEN_SHARDS:
            self._maps.popitem(last=False)
        return self._maps[key]

    def _open_shard(self, name: str, shard: int) -> npt.NDArray[np.floating]:
        path = shard_path(self.path, name, shard)
        frames = self._used[shard]
        row_bytes = self.spec.width * np.dtype(self.spec.dtype).itemsize
        try:
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as problem:
            raise StoreError(f"{path}: committed but not readable: {problem}") from problem
        if is_flat(mapped[-FOOTER_BYTES:], row_bytes, frames) and len(mapped) >= frames * row_bytes:
            matrix = np.frombuffer(mapped, self.spec.dtype, frames * self.spec.width)
            return matrix.reshape(frames, self.spec.width)
        return self._decode(name, shard)

    def _decode(self, name: str, shard: int) -> npt.NDArray[np.floating]:
        """Read a compressed or rearranged shard through zarr-python."""
        import zarr

        array = zarr.open_array(self.path / name, mode="r")
        try:
            rows = array[shard * SHARD_FRAMES : shard * SHARD_FRAMES + self._used[shard]]
        except (ValueError, RuntimeError, OSError) as problem:
            path = shard_path(self.path, name, shard)
            raise StoreError(f"{path}: damaged: {problem}; see `medusa cache verify`") from problem
        return np.asarray(rows)


def open_all(features: Path) -> list[FeatureStore]:
    """Open every store in a workspace's `features/` that has something committed, by name."""
    stores = [FeatureStore.open(path.parent) for path in sorted(features.glob("*.zarr/spec.json"))]
    return [store for store in stores if len(store)]


def _frames_used(entries: Iterable[index.Entry]) -> dict[int, int]:
    used: dict[int, int] = {}
    for entry in entries:
        used[entry.shard] = max(used.get(entry.shard, 0), entry.start + entry.length)
    return used
