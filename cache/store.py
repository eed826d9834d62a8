"""Reading features: a store returns utterances by their content, packed, in the given order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from medusa.bucket_path import BucketPath, located
from medusa.cache import index
from medusa.cache.access import (
    ACCESS,
    REMEDY,
    Mapped,
    NotFlat,
    Positioned,
    decode,
)
from medusa.cache.first_reads import FirstReads
from medusa.cache.layout import (
    checksum,
    read_spec,
    shard_path,
    stored_arrays,
)
from medusa.cache.spec import FeatureSpec
from medusa.errors import StoreError, listed, nearest

if TYPE_CHECKING:  # torch is needed to read features, not to list stores
    import torch

    from medusa.cache.buckets.reader import Remote
    from medusa.cache.packed import Packed

Rows = npt.NDArray[np.integer]


@dataclass
class Buffers:
    """Memory that is reused, so that no batch has to allocate.

    Attributes:
        pin: whether the memory is page-locked, so that a GPU copies from it by itself.
        held: name -> its memory.
    """

    pin: bool = False
    held: "dict[str, torch.Tensor]" = field(default_factory=dict)

    def get(self, name: str, rows: int, width: int, dtype: "torch.dtype") -> "torch.Tensor":
        """Return uninitialised memory (rows, width), which is the same for the same name."""
        import torch

        memory = self.held.get(name)
        if memory is None or len(memory) < rows or memory.shape[1] != width:
            memory = torch.empty((rows + rows // 4, width), dtype=dtype, pin_memory=self.pin)
            self.held[name] = memory
        return memory[:rows]


class FeatureStore:
    """The committed features of one spec.

    Attributes:
        path: the folder of the store.
        places: the folders of all stores that are read as this one.
        spec: the specification of its features.
        index: the place of each utterance.
    """

    def __init__(
        self, path: Path, spec: FeatureSpec, entries: index.Index, access: str = "auto"
    ) -> None:
        self.path, self.spec, self.index = path, spec, entries
        self.places: tuple[Path, ...] = (path,)
        self.used = entries.frames_used()
        # (R, 3) the shard, the first frame in it, and the number of frames, in one piece of memory
        self.pieces = np.stack([entries.shard, entries.start, entries.length], 1)
        self.arrays = {array.name: array for array in stored_arrays(spec)}
        self.first_reads = FirstReads(path, entries, list(self.arrays))
        self._access = access
        self._ways: dict[str, Mapped | Positioned | Remote] = {}
        self._channels: dict[str, torch.Tensor] = {}

    @classmethod
    def open(cls, path: Path | str, access: str = "auto") -> "FeatureStore":
        """Open a store with all utterances that are committed now.

        Args:
            path: the folder of the store, or a URL (`s3://`, `gs://`, `az://`, `file://`).
            access: `map`, `pread` (for network file systems), or `auto`, which looks at the mount,
                the size of the utterances, and the number of shards.

        Raises:
            StoreError: the folder has no store, or an index record is damaged.
        """
        if access not in ACCESS:
            raise StoreError(f"access is {access!r}; expected one of {', '.join(ACCESS)}")
        path = located(path)
        return cls(path, read_spec(path), index.load(path), access)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Pickle the path alone: another process opens the store for itself."""
        return FeatureStore.open, (self.path, self._access)

    def __len__(self) -> int:
        return len(self.index)

    def __contains__(self, content: object) -> bool:
        return content in self.index.rows

    def missing(self, contents: Iterable[str]) -> list[str]:
        """Return the contents that the store lacks, in the given order and without doubles."""
        rows = self.index.rows
        return [content for content in dict.fromkeys(contents) if content not in rows]

    def locate(self, contents: Sequence[str]) -> Rows:
        """Return the index rows of these contents, for `gather`.

        Raises:
            StoreError: one of them is not in the store.
        """
        try:
            return np.array([self.index.rows[content] for content in contents], np.int64)
        except KeyError:
            absent = self.missing(contents)
            raise StoreError(
                f"{self.path}: the store has no features for content {listed(absent)}; "
                f"run `medusa extract --backbone {self.spec.backbone}`"
            ) from None

    def lengths(self, contents: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the number of frames of each utterance."""
        return self.index.length[self.locate(contents)].astype(np.int64)

    def read(self, contents: Sequence[str], array: str | None = None) -> "Packed":
        """Return utterances in the given order, packed, in the stored dtype.

        Args:
            contents: B content digests.
            array: the layer or reduction; it may be omitted if the store has only one. Several
                layers are joined by `+`, as in `layer_3+layer_4`.

        Returns:
            Packed with values (N, D), or (N, L D) for L layers, which lie side by side. If the
            store is int8, its method `to` returns floats.

        Raises:
            StoreError: the store lacks an utterance or the array, or a shard is damaged.
        """
        return self.gather(self.locate(contents), self.array(array))

    def gather(self, rows: Rows, array: str, buffers: Buffers | None = None) -> "Packed":
        """Return the utterances of these index rows, packed; see `read`.

        Args:
            rows: (B,) index rows from `locate`.
            array: a name in `spec.arrays`, or several names joined by `+`.
            buffers: memory to reuse; the result is valid until the next use of it.
        """
        import torch

        from medusa.cache.packed import Packed
        from medusa.cache.quantise import Quantised

        chosen = self.pieces[rows]
        lengths = torch.from_numpy(chosen[:, 2].astype(np.int64))
        names = layers_of(array)
        values = self._fill(names, rows, int(chosen[:, 2].sum()), buffers)
        if self.spec.dtype != "int8":
            return Packed(values, lengths)
        of_scales = [f"{name}_scale" for name in names]
        scales = self._fill(of_scales, rows, len(values), buffers)
        channel = torch.cat([self._channel(name) for name in names], 1)
        return Quantised(values, lengths, scales, channel[0], channel[1])

    def prefetch(self, rows: Rows, array: str) -> None:
        """Start reading these utterances from the disk."""
        names = layers_of(array)
        scales = [f"{name}_scale" for name in names] if self.spec.dtype == "int8" else []
        for name in [*names, *scales]:
            try:
                self._way(name).prefetch(self.pieces[rows].tolist())
            except NotFlat:
                return

    def array(self, name: str | None = None) -> str:
        """Return the checked name of an array, or of several joined by `+`.

        A single array needs no name.
        """
        arrays = self.spec.arrays
        if name is None and len(arrays) == 1:
            return arrays[0]
        if name is None or not set(layers_of(name)) <= set(arrays):
            hint = nearest(name, arrays) if name else ""
            raise StoreError(f"{self.path}: choose one of its layers: {listed(arrays, 50)}{hint}")
        return name

    def size_bytes(self) -> int:
        """Return the number of bytes that all committed shards take on disk."""
        if isinstance(self.path, BucketPath):  # one listing in place of many requests
            sizes = self.path.sizes()
            names = (f"{name}/c/{shard}/0" for name in self.arrays for shard in self.used)
            return sum(sizes.get(name, 0) for name in names)
        paths = [shard_path(self.path, name, shard) for name in self.arrays for shard in self.used]
        return sum(path.stat().st_size for path in paths if path.exists())

    def _fill(
        self,
        names: Sequence[str],
        rows: Rows,
        frames: int,
        buffers: Buffers | None,
    ) -> "torch.Tensor":
        """Return utterances of stored arrays of one width, side by side: (frames, L width)."""
        import torch

        array = self.arrays[names[0]]
        dtype: torch.dtype = getattr(torch, array.dtype)  # torch has the same names as numpy
        out = (buffers or Buffers()).get("+".join(names), frames, array.width * len(names), dtype)
        parts = out.numpy().reshape(frames, len(names), array.width)
        for number, name in enumerate(names):
            self._read(name, rows, parts[:, number])
        return out

    def _read(self, name: str, rows: Rows, out: npt.NDArray[np.generic]) -> None:
        """Copy utterances of one stored array into `out`, and compare them if they are new."""
        pieces = self.pieces[rows].tolist()
        try:
            self._way(name).gather(pieces, out)
        except NotFlat:
            decode(self.path / name, pieces, out)
        self.first_reads.check(name, rows, out)

    def _way(self, name: str) -> "Mapped | Positioned | Remote":
        """Return the reader of one stored array."""
        if name not in self._ways:
            in_bucket = isinstance(self.path, BucketPath)
            array = self.arrays[name]
            size = sum(self.used.values()) * array.row_bytes
            of_array = self.path, size / max(1, len(self.pieces)), len(self.used)
            way = _remote() if in_bucket else ACCESS[self._access](*of_array)
            self._ways[name] = way(array, self.path / name / "c", self.used)
        return self._ways[name]

    def _channel(self, array: str) -> "torch.Tensor":
        """Return mean and deviation (2, D) of the channels of an int8 array."""
        if not self._channels:
            import torch

            from medusa.cache.quantise import CHANNELS, read_channels

            channels = read_channels(self.path, self.spec)
            sums = self.first_reads.sums[:, -1]
            if (sums != checksum((self.path / CHANNELS).read_bytes())).any():
                raise StoreError(
                    f"{self.path / CHANNELS}: the scales of the channels have changed; {REMEDY}"
                )
            self._channels = {name: torch.from_numpy(value) for name, value in channels.items()}
        return self._channels[array]


def _remote() -> "type[Remote]":
    """Return the reader for buckets, which few workspaces need."""
    from medusa.cache.buckets.reader import Remote

    return Remote


def layers_of(array: str) -> list[str]:
    """Return the names of stored arrays that are joined by `+`."""
    return array.split("+")
