"""Two ways to read the bytes of a shard: a memory map, or threads that read at a position.

zarr-python reads compressed shards (`decode`). Every utterance is compared with its
checksum when a process reads it for the first time.
"""

import mmap
import os
import resource
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medusa.cache.index import Index
from medusa.cache.layout import (
    FOOTER_BYTES,
    SHARD_FRAMES,
    StoredArray,
    checksum,
    shard_bytes,
    shard_footer,
)
from medusa.errors import StoreError
from medusa.foreign import foreign

# This many files are open or mapped at the same time. A map holds its file open, and a process is
# often allowed 1,024 open files.
FILES = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4, 8192)
THREADS = 8
# On these file systems a page fault waits for a server, and a vanished file would kill the process.
REMOTE = ("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "9p", "fuse")
REMEDY = (
    "`medusa cache verify` lists the lost utterances, and `medusa extract --backbone NAME --force` "
    "computes them again"
)
Frames = npt.NDArray[np.generic]
Piece = Sequence[int]  # the shard, the first row in it, and the number of rows


class NotFlat(Exception):
    """A shard is compressed and therefore no plain matrix; zarr-python can read it."""


class Mapped:
    """Read the shards of one array through memory maps, which are as fast as memory when warm."""

    def __init__(self, array: StoredArray, folder: Path, used: dict[int, int]) -> None:
        self.array, self.folder, self.used = array, folder, used
        self.maps: OrderedDict[int, tuple[mmap.mmap, Frames]] = OrderedDict()

    def gather(self, pieces: list[Piece], out: Frames) -> None:
        """Copy pieces of shards into rows of `out`, (N, D)."""
        at, matrix = 0, self._matrix
        for shard, start, length in pieces:
            stop = at + length
            out[at:stop] = matrix(shard)[start : start + length]
            at = stop

    def prefetch(self, pieces: list[Piece]) -> None:
        """Ask the kernel to read these pieces from the disk in the background."""
        row = self.array.row_bytes
        for shard, start, length in pieces:
            self._matrix(shard)
            first = start * row // mmap.PAGESIZE * mmap.PAGESIZE
            self.maps[shard][0].madvise(mmap.MADV_WILLNEED, first, (start + length) * row - first)

    def _matrix(self, shard: int) -> Frames:
        """Return a shard as a mapped matrix (frames, D)."""
        if shard not in self.maps:
            self._map(shard)
        mapped, matrix = self.maps[shard]
        if mapped.size() != len(mapped):  # reading a page that was cut off would kill the process
            raise _cut_short(self.folder / str(shard) / "0")
        return matrix

    def _map(self, shard: int) -> None:
        """Map one more shard; the map that was made first is dropped if there are too many."""
        frames = self.used[shard]
        with open_shard(self.folder, shard, frames, self.array) as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        matrix = np.frombuffer(mapped, self.array.dtype, frames * self.array.width)
        self.maps[shard] = mapped, matrix.reshape(frames, self.array.width)
        if len(self.maps) > FILES:
            self.maps.popitem(last=False)


class Positioned:
    """Read the shards of one array with `preadv` in threads, which suits network file systems."""

    def __init__(self, array: StoredArray, folder: Path, used: dict[int, int]) -> None:
        self.array, self.folder, self.used = array, folder, used
        self.files: OrderedDict[int, int] = OrderedDict()
        self.process = os.getpid()
        self.threads = ThreadPoolExecutor(THREADS)

    def gather(self, pieces: list[Piece], out: Frames) -> None:
        """Copy pieces of shards into rows of `out`, (N, D)."""
        self._after_fork()
        done, at = [], 0
        for shard, start, length in pieces:
            target = out[at : at + length]
            done.append(self.threads.submit(self._read, self._file(shard), shard, start, target))
            at += length
        for future in done:
            future.result()
        while len(self.files) > FILES:
            os.close(self.files.popitem(last=False)[1])

    def prefetch(self, pieces: list[Piece]) -> None:
        """Do nothing, because the threads already read in parallel."""

    def _read(self, file: int, shard: int, start: int, out: Frames) -> None:
        """Read the rows of one shard from row `start` on, until `out` is full."""
        whole = np.ascontiguousarray(out)  # This is a copy where layers lie side by side.
        target = memoryview(whole).cast("B")  # type: ignore[arg-type]
        position = start * self.array.row_bytes
        while len(target):
            count = os.preadv(file, [target], position)
            if count == 0:
                raise _cut_short(self.folder / str(shard) / "0")
            target, position = target[count:], position + count
        if whole is not out:
            out[...] = whole

    def _file(self, shard: int) -> int:
        """Return the descriptor of a shard's file, which is now the last one to be closed."""
        if shard not in self.files:
            with open_shard(self.folder, shard, self.used[shard], self.array) as file:
                self.files[shard] = os.dup(file.fileno())
        self.files.move_to_end(shard)
        return self.files[shard]

    def _after_fork(self) -> None:
        """Start new threads in a forked process: open files survive a fork, threads do not."""
        if self.process != os.getpid():
            self.process, self.threads = os.getpid(), ThreadPoolExecutor(THREADS)


def open_shard(folder: Path, shard: int, frames: int, array: StoredArray) -> FileIO:
    """Open a shard's file after checking that it is whole and flat.

    Raises:
        StoreError: the file is missing, or its size is wrong.
        NotFlat: the file is a valid shard, but its frames are compressed.
    """
    path = f"{folder}/{shard}/0"
    footer, expected = shard_footer(frames, array.row_bytes), shard_bytes(frames, array.row_bytes)
    try:
        file = FileIO(path)
        size = os.fstat(file.fileno()).st_size
        stored_footer = os.pread(file.fileno(), FOOTER_BYTES, max(0, size - FOOTER_BYTES))
    except OSError as problem:
        reason = "it is gone" if isinstance(problem, FileNotFoundError) else problem.strerror
        raise StoreError(
            f"{path}: this committed shard is unreadable: {reason}; {REMEDY}"
        ) from problem
    if size == expected and stored_footer == footer:
        return file
    file.close()
    stored_sum = int.from_bytes(stored_footer[-4:], "little")
    if len(stored_footer) == FOOTER_BYTES and checksum(stored_footer[:-4]) == stored_sum:
        raise NotFlat(path)
    raise _cut_short(path)


def decode(array: Path, pieces: list[Piece], out: Frames) -> None:
    """Copy pieces of compressed or rearranged shards into rows of `out`, through zarr-python.

    Raises:
        StoreError: a shard is damaged.
    """
    import zarr

    at = 0
    with foreign(StoreError, lambda reason: f"{array}: damaged ({reason}); {REMEDY}"):
        source = zarr.open_array(array, mode="r")
        for shard, start, length in pieces:
            first = shard * SHARD_FRAMES + start
            out[at : at + length] = source[first : first + length]
            at += length


def choose(store: Path) -> type[Mapped] | type[Positioned]:
    """Return `Positioned` for a network file system and `Mapped` for a local one."""
    return Positioned if file_system(store).startswith(REMOTE) else Mapped


def file_system(path: Path) -> str:
    """Return the type of the file system that holds a path (`ext4`, `nfs4`, ...), or `""`."""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""  # this system has no list of mounts, since it is not Linux
    here = path.resolve()
    mounts = [line.split()[1:3] for line in lines]
    holding = [(len(point), kind) for point, kind in mounts if here.is_relative_to(point)]
    return max(holding, default=(0, ""))[1]


def _cut_short(path: Path | str) -> StoreError:
    return StoreError(f"{path}: this shard is damaged or cut short; {REMEDY}")


Ways = type[Mapped] | type[Positioned]

ACCESS: dict[str, Callable[[Path], Ways]] = {
    "auto": choose,
    "map": lambda store: Mapped,
    "pread": lambda store: Positioned,
}


class FirstReads:
    """The utterances of a store that this process has compared with their checksums.

    Args:
        path: the folder of the store.
        entries: the index, with a checksum for each utterance and stored array.
        arrays: the names of the stored arrays, in the order of the checksums.
    """

    def __init__(self, path: Path, entries: Index, arrays: Sequence[str]) -> None:
        self.path, self.index = path, entries
        self.column = {name: number for number, name in enumerate(arrays)}
        self.unread = {name: np.ones(len(entries.shard), bool) for name in arrays}
        self._sums: npt.NDArray[np.uint32] | None = None

    @property
    def sums(self) -> npt.NDArray[np.uint32]:
        """Return the checksums, (R, number of stored arrays)."""
        if self._sums is None:
            self._sums = self.index.crc32c()
        return self._sums

    def check(
        self, name: str, rows: npt.NDArray[np.integer], values: npt.NDArray[np.generic]
    ) -> None:
        """Compare utterances that were not read before.

        Args:
            name: the stored array.
            rows: (B,) index rows.
            values: (N, D) their frames, laid end to end.

        Raises:
            StoreError: an utterance differs from its checksum.
        """
        unread = self.unread[name]
        if not unread[rows].any():
            return
        stops = np.cumsum(self.index.length[rows])
        for row, stop in zip(rows.tolist(), stops.tolist(), strict=True):
            if unread[row]:
                start = stop - int(self.index.length[row])
                if checksum(values[start:stop]) != self.sums[row, self.column[name]]:
                    raise self._damaged(name, row)
                unread[row] = False

    def _damaged(self, name: str, row: int) -> StoreError:
        content = self.index.table["content"][row].as_py()
        return StoreError(
            f"{self.path / name}: utterance {content} in shard {self.index.shard[row]} differs "
            f"from its checksum; {REMEDY}"
        )
