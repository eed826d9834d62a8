"""Reading features: utterances come out packed, in the order asked, by content."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from medusa.cache import index
from medusa.cache.access import ACCESS, Mapped, NotFlat, Piece, Positioned
from medusa.cache.layout import SHARD_FRAMES, StoredArray, read_spec, shard_path, stored_arrays
from medusa.cache.spec import FeatureSpec
from medusa.errors import StoreError, listed, nearest

if TYPE_CHECKING:  # torch is loaded when features are read, not when stores are listed
    import torch

    from medusa.cache.packed import Packed

Rows = npt.NDArray[np.integer]


@dataclass
class Buffers:
    """Memory that is filled again and again, so that no batch has to allocate.

    Attributes:
        pin: page-locked memory, from which a GPU copies by itself.
    """

    pin: bool = False
    held: "dict[str, torch.Tensor]" = field(default_factory=dict)

    def get(self, name: str, rows: int, width: int, dtype: "torch.dtype") -> "torch.Tensor":
        """Return (rows, width) of uninitialised memory; the same memory for the same name."""
        import torch

        memory = self.held.get(name)
        if memory is None or len(memory) < rows or memory.shape[1] != width:
            memory = torch.empty((rows + rows // 4, width), dtype=dtype, pin_memory=self.pin)
            self.held[name] = memory
        return memory[:rows]


class FeatureStore:
    """The committed features of one spec.

    Attributes:
        path: the folder.
        spec: what the features are.
        index: where each utterance is.
    """

    def __init__(
        self, path: Path, spec: FeatureSpec, entries: index.Index, access: str = "auto"
    ) -> None:
        self.path, self.spec, self.index = path, spec, entries
        self.used = entries.frames_used()
        # (R, 3) shard, first frame there, frames: what a batch needs, in one piece of memory
        self.pieces = np.stack([entries.shard, entries.start, entries.length], 1).astype(np.int64)
        self.arrays = {array.name: array for array in stored_arrays(spec)}
        self._access = access
        self._ways: dict[str, Mapped | Positioned] = {}
        self._channels: dict[str, torch.Tensor] = {}

    @classmethod
    def open(cls, path: Path, access: str = "auto") -> "FeatureStore":
        """Open a store as it is committed now.

        Args:
            path: the folder.
            access: `map`, `pread` (for network file systems), or `auto`: look which it is.

        Raises:
            StoreError: there is no store here.
            StoreError: an index record is not what was committed.
        """
        if access not in ACCESS:
            raise StoreError(f"access {access!r}: expected one of {', '.join(ACCESS)}")
        return cls(path, read_spec(path), index.load(path), access)

    def __reduce__(self) -> tuple[object, tuple[Path, str]]:
        """Another process opens the store for itself."""
        return FeatureStore.open, (self.path, self._access)

    def __len__(self) -> int:
        return len(self.index)

    def __contains__(self, content: object) -> bool:
        return content in self.index.rows

    def missing(self, contents: Iterable[str]) -> list[str]:
        """Return the contents that are not in the store, in order, each once."""
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
                f"{self.path}: no features for content {listed(absent)}; "
                f"run `medusa extract --backbone {self.spec.backbone}`"
            ) from None

    def lengths(self, contents: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the number of frames of each utterance."""
        return self.index.length[self.locate(contents)].astype(np.int64)

    def read(self, contents: Sequence[str], array: str | None = None) -> "Packed":
        """Return utterances in the order asked, packed, in the stored dtype.

        Args:
            contents: B content digests.
            array: which layer or reduction; may be left out where there is only one.

        Returns:
            Packed with values (N, D); of an int8 store, one that dequantises in `to`.

        Raises:
            StoreError: an utterance or the array is not in the store.
            StoreError: a shard is missing or cut short.
        """
        return self.gather(self.locate(contents), self.array(array))

    def gather(self, rows: Rows, array: str, buffers: Buffers | None = None) -> "Packed":
        """Return the utterances of these index rows, packed; see `read`.

        Args:
            rows: (B,) as `locate` gives them.
            array: a name in `spec.arrays`.
            buffers: reused memory; the result is valid until it is used again.
        """
        import torch

        from medusa.cache.packed import Packed
        from medusa.cache.quantise import Quantised

        chosen = self.pieces[rows]
        lengths = torch.from_numpy(chosen[:, 2].copy())
        pieces = chosen.tolist()
        values = self._fill(array, pieces, int(lengths.sum()), buffers)
        if self.spec.dtype != "int8":
            return Packed(values, lengths)
        scales = self._fill(f"{array}_scale", pieces, len(values), buffers)
        channel = self._channel(array)
        return Quantised(values, lengths, scales, channel[0], channel[1])

    def prefetch(self, rows: Rows, array: str) -> None:
        """Start bringing these utterances in from the disk."""
        names = [array, f"{array}_scale"] if self.spec.dtype == "int8" else [array]
        for name in names:
            try:
                self._way(name).prefetch(self.pieces[rows].tolist())
            except NotFlat:
                return

    def array(self, name: str | None = None) -> str:
        """Return the name of a layer of this store; the only one needs no name."""
        arrays = self.spec.arrays
        if name is None and len(arrays) == 1:
            return arrays[0]
        if name not in arrays:
            hint = nearest(name, arrays) if name else ""
            raise StoreError(f"{self.path}: choose one of its layers: {listed(arrays, 50)}{hint}")
        return name

    def size_bytes(self) -> int:
        """Return the bytes on disk of all committed shards."""
        paths = [shard_path(self.path, name, shard) for name in self.arrays for shard in self.used]
        return sum(path.stat().st_size for path in paths if path.exists())

    def _fill(
        self, name: str, pieces: list[Piece], rows: int, buffers: Buffers | None
    ) -> "torch.Tensor":
        import torch

        array = self.arrays[name]
        dtype: torch.dtype = getattr(torch, array.dtype)  # the same names as numpy's
        out = (buffers or Buffers()).get(name, rows, array.width, dtype)
        try:
            self._way(name).gather(pieces, out.numpy())
        except NotFlat:
            self._decode(array, pieces, out.numpy())
        return out

    def _way(self, name: str) -> Mapped | Positioned:
        if name not in self._ways:
            way = ACCESS[self._access](self.path)
            self._ways[name] = way(self.arrays[name], self.path / name / "c", self.used)
        return self._ways[name]

    def _decode(
        self, array: StoredArray, pieces: list[Piece], out: npt.NDArray[np.generic]
    ) -> None:
        """Read compressed or rearranged shards through zarr-python."""
        import zarr

        source = zarr.open_array(self.path / array.name, mode="r")
        at = 0
        for shard, start, length in pieces:
            first = shard * SHARD_FRAMES + start
            out[at : at + length] = source[first : first + length]
            at += length

    def _channel(self, array: str) -> "torch.Tensor":
        if not self._channels:
            import torch

            from medusa.cache.quantise import read_channels

            channels = read_channels(self.path)
            self._channels = {name: torch.from_numpy(value) for name, value in channels.items()}
        return self._channels[array]


def open_all(features: Path) -> list[FeatureStore]:
    """Open every store in a workspace's `features/` that has something committed, by name."""
    stores = [FeatureStore.open(path.parent) for path in sorted(features.glob("*.zarr/spec.json"))]
    return [store for store in stores if len(store)]
