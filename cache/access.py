"""Three ways to read the bytes of a shard: a memory map, and reads at a position with or without
threads.

zarr-python reads compressed shards (`decode`).
"""

import errno
import mmap
import os
import resource
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from medusa.cache.disk import Disk, file_system
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

# A process holds this many shards open or mapped at the same time, of all stores together. A map
# holds its file open, and a process is often allowed 1,024 open files.
LIMIT = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
FILES = 8192 if LIMIT == resource.RLIM_INFINITY else min(LIMIT // 4, 8192)
THREADS = 8
SHORT_BYTES = 16384  # Below, a read is at least as fast as a map (`benchmarks/short_reads.py`).
# On these file systems a page fault waits for a server, and a vanished file would kill the process.
SERVERS = ("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs", "ceph", "glusterfs")
REMOTE = (*SERVERS, "9p", "fuse", "virtiofs")
REMEDY = (
    "`medusa cache verify` lists the lost utterances, and `medusa extract --backbone NAME --force` "
    "computes them again"
)
Frames = npt.NDArray[np.generic]
Piece = Sequence[int]  # the shard, the first row in it, and the number of rows


class NotFlat(Exception):
    """A shard is compressed and therefore no plain matrix; zarr-python can read it."""


class OpenShards:
    """The shards that this process holds open, of all stores; too many drop the first ones."""

    def __init__(self) -> None:
        self.held: deque[tuple[weakref.ref[Mapped | Positioned], int]] = deque()

    def add(self, way: "Mapped | Positioned", shard: int) -> None:
        """Note a shard that was opened."""
        self.held.append((weakref.ref(way), shard))
        while len(self.held) > FILES:
            holder, first = self.held.popleft()
            if (found := holder()) is not None:
                found.drop(first)


OPEN_SHARDS = OpenShards()


class Mapped:
    """Read the shards of one array through memory maps, which are as fast as memory when warm."""

    def __init__(self, array: StoredArray, folder: Path, used: dict[int, int]) -> None:
        self.array, self.folder, self.used, self.disk = array, folder, used, Disk(folder)
        self.maps: dict[int, tuple[mmap.mmap, Frames]] = {}

    def gather(self, pieces: list[Piece], out: Frames) -> None:
        """Copy pieces of shards into rows of `out`, (N, D)."""
        at, matrix = 0, self._matrix
        for shard, start, length in pieces:
            stop = at + length
            out[at:stop] = matrix(shard)[start : start + length]
            at = stop
        self.disk.look()

    def prefetch(self, pieces: list[Piece]) -> None:
        """Ask the kernel to read these pieces from the disk in the background."""
        row = self.array.row_bytes
        for shard, start, length in pieces if self.disk.busy else ():
            mapped, _ = self.maps.get(shard) or self._map(shard)
            first = start * row // mmap.PAGESIZE * mmap.PAGESIZE
            mapped.madvise(mmap.MADV_WILLNEED, first, (start + length) * row - first)

    def drop(self, shard: int) -> None:
        """Give up a map."""
        self.maps.pop(shard, None)

    def _matrix(self, shard: int) -> Frames:
        """Return a shard as a mapped matrix (frames, D)."""
        mapped, matrix = self.maps.get(shard) or self._map(shard)
        if mapped.size() != len(mapped):  # reading a page that was cut off would kill the process
            raise _cut_short(self.folder / str(shard) / "0")
        return matrix

    def _map(self, shard: int) -> tuple[mmap.mmap, Frames]:
        """Map one more shard."""
        frames = self.used[shard]
        file = open_shard(self.folder, shard, frames, self.array)
        mapped = mmap.mmap(file, 0, access=mmap.ACCESS_READ)
        matrix = np.frombuffer(mapped, self.array.dtype, frames * self.array.width)
        found = self.maps[shard] = mapped, matrix.reshape(frames, self.array.width)
        OPEN_SHARDS.add(self, shard)
        return found


class Descriptor(int):
    """The number of an open file, which is closed as soon as nobody uses it any more."""

    __slots__ = ()

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        close(self)


class Positioned:
    """Read the shards of one array with `preadv` in threads, which suits network file systems."""

    def __init__(self, array: StoredArray, folder: Path, used: dict[int, int]) -> None:
        self.array, self.folder, self.used = array, folder, used
        self.files: list[Descriptor | None] = [None] * (max(used, default=-1) + 1)
        self.process = os.getpid()
        self.threads = ThreadPoolExecutor(THREADS)  # which starts no thread before the first work

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

    def prefetch(self, pieces: list[Piece]) -> None:
        """Do nothing, because the threads already read in parallel."""

    def drop(self, shard: int) -> None:
        """Give up a file; a thread that still reads it holds its descriptor until then."""
        self.files[shard] = None

    def _read(self, file: Descriptor, shard: int, start: int, out: Frames) -> None:
        """Read the rows of one shard from row `start` on, until `out` is full."""
        # Where layers lie side by side, the rows have gaps between them.
        whole = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
        target = memoryview(whole).cast("B")  # type: ignore[arg-type]
        position = start * self.array.row_bytes
        while len(target):
            try:
                count = os.preadv(file, [target], position)
            except OSError as problem:
                _refuse_unreadable(self.folder / str(shard) / "0", problem)
            if count == 0:
                raise _cut_short(self.folder / str(shard) / "0")
            target, position = target[count:], position + count
        if whole is not out:
            out[...] = whole

    def _file(self, shard: int) -> Descriptor:
        """Return the descriptor of a shard's file."""
        found = self.files[shard]
        if found is None:
            found = open_shard(self.folder, shard, self.used[shard], self.array)
            self.files[shard] = found
            OPEN_SHARDS.add(self, shard)
        return found

    def _after_fork(self) -> None:
        """Start new threads in a forked process: open files survive a fork, threads do not."""
        if self.process != os.getpid():
            self.process, self.threads = os.getpid(), ThreadPoolExecutor(THREADS)


class OneByOne(Positioned):
    """Read the shards of one array with `preadv` in the calling thread.

    For short utterances, this is as fast as a map, whose length must be checked before each read,
    and of thousands of shards it is faster, because it needs no page tables. More shards than are
    held open cost less to open and read than to map.
    """

    def __init__(self, array: StoredArray, folder: Path, used: dict[int, int]) -> None:
        super().__init__(array, folder, used)
        self.disk = Disk(folder)

    def gather(self, pieces: list[Piece], out: Frames) -> None:
        """Copy pieces of shards into rows of `out`, (N, D)."""
        if out.flags.c_contiguous and pieces:
            self._gather_whole(pieces, out)
        else:
            at = 0
            for shard, start, length in pieces:
                self._read(self._file(shard), shard, start, out[at : at + length])
                at += length
        self.disk.look()

    def _gather_whole(self, pieces: list[Piece], out: Frames) -> None:
        """Copy pieces into rows without gaps; what the kernel does not read at once comes later."""
        target = memoryview(out).cast("B")  # type: ignore[arg-type]
        row, at, find, preadv = self.array.row_bytes, 0, self._file, os.preadv
        for shard, start, length in pieces:
            stop, file = at + length * row, find(shard)
            try:
                count = preadv(file, [target[at:stop]], start * row)
            except OSError as problem:
                _refuse_unreadable(self.folder / str(shard) / "0", problem)
            if count != stop - at:
                self._read(file, shard, start, out[at // row : stop // row])
            at = stop

    def prefetch(self, pieces: list[Piece]) -> None:
        """Ask the kernel to read these pieces from the disk in the background."""
        row = self.array.row_bytes
        for shard, start, length in pieces if self.disk.busy else ():
            file = self._file(shard)
            os.posix_fadvise(file, start * row, length * row, os.POSIX_FADV_WILLNEED)


def open_shard(folder: Path, shard: int, frames: int, array: StoredArray) -> Descriptor:
    """Open a shard's file after checking that it is whole and flat.

    Raises:
        StoreError: the file is missing, or its size is wrong.
        NotFlat: the file is a valid shard, but its frames are compressed.
    """
    path = f"{folder}/{shard}/0"
    footer, expected = shard_footer(frames, array.row_bytes), shard_bytes(frames, array.row_bytes)
    try:
        file = Descriptor(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        size = os.fstat(file).st_size
        stored_footer = os.pread(file, FOOTER_BYTES, max(0, size - FOOTER_BYTES))
    except OSError as problem:
        _refuse_unreadable(path, problem)
    if size == expected and stored_footer == footer:
        return file
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


def choose(store: Path, utterance_bytes: float, shards: int) -> type[Mapped] | type[Positioned]:
    """Return the fastest way to read an array.

    Args:
        store: its folder.
        utterance_bytes: the mean size of an utterance.
        shards: the number of its shards.
    """
    if file_system(store).startswith(REMOTE):
        return Positioned
    if hasattr(os, "posix_fadvise") and (utterance_bytes < SHORT_BYTES or shards > FILES):
        return OneByOne
    return Mapped


def _refuse_unreadable(path: Path | str, problem: OSError) -> NoReturn:
    """Raise the error for a shard that cannot be opened or read."""
    if problem.errno in (errno.EMFILE, errno.ENFILE):
        raise problem  # The shard is whole; `cli.py` prints the remedy.
    reason = "it is gone" if isinstance(problem, FileNotFoundError) else problem.strerror
    raise StoreError(f"{path}: this committed shard is unreadable: {reason}; {REMEDY}") from problem


def _cut_short(path: Path | str) -> StoreError:
    return StoreError(f"{path}: this shard is damaged or cut short; {REMEDY}")


Ways = type[Mapped] | type[Positioned]

ACCESS: dict[str, Callable[[Path, float, int], Ways]] = {
    "auto": choose,
    "map": lambda *of_array: Mapped,
    "pread": lambda *of_array: Positioned,
}
