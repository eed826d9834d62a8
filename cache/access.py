"""Three ways to read the bytes of a shard: a memory map, and reads at a position with or without
threads.

zarr-python reads compressed shards (`decode`).
"""

import mmap
import os
import resource
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

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
SHORT_BYTES = 65536  # Below, a read is faster than a map (`benchmarks/short_reads.py`).
# On these file systems a page fault waits for a server, and a vanished file would kill the process.
REMOTE = ("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "9p", "fuse")
COUNTED = Path("/proc/self/io").exists()  # whether the kernel counts what a thread reads
QUIET_LOOKS = 64  # After so many batches that were in memory, no more are requested in advance.
REMEDY = (
    "`medusa cache verify` lists the lost utterances, and `medusa extract --backbone NAME --force` "
    "computes them again"
)
Frames = npt.NDArray[np.generic]
Piece = Sequence[int]  # the shard, the first row in it, and the number of rows


class NotFlat(Exception):
    """A shard is compressed and therefore no plain matrix; zarr-python can read it."""


class Disk:
    """Whether the disk was read lately: what is in memory need not be requested in advance.

    The kernel counts the blocks that a thread has read (`getrusage`).
    """

    def __init__(self) -> None:
        self.blocks = self.quiet = 0  # the count, and how many looks in a row it has not changed

    def look(self) -> None:
        """Look at the count."""
        if COUNTED:
            blocks = resource.getrusage(resource.RUSAGE_THREAD).ru_inblock
            self.quiet = self.quiet + 1 if blocks == self.blocks else 0
            self.blocks = blocks

    @property
    def busy(self) -> bool:
        """Whether the disk was read within the last looks."""
        return self.quiet < QUIET_LOOKS


class Mapped:
    """Read the shards of one array through memory maps, which are as fast as memory when warm."""

    def __init__(self, array: StoredArray, folder: Path, used: dict[int, int]) -> None:
        self.array, self.folder, self.used, self.disk = array, folder, used, Disk()
        self.maps: OrderedDict[int, tuple[mmap.mmap, Frames]] = OrderedDict()

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
        file = open_shard(self.folder, shard, frames, self.array)
        mapped = mmap.mmap(file, 0, access=mmap.ACCESS_READ)
        matrix = np.frombuffer(mapped, self.array.dtype, frames * self.array.width)
        self.maps[shard] = mapped, matrix.reshape(frames, self.array.width)
        if len(self.maps) > FILES:
            self.maps.popitem(last=False)


class Descriptor(int):
    """The number of an open file, which is closed as soon as nobody uses it any more."""

    __slots__ = ()

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        close(self)


class Positioned:
    """Read the shards of one array with `preadv` in threads, which suits network file systems."""

    def __init__(self, array: StoredArray, folder: Path, used: dict[int, int]) -> None:
        self.array, self.folder, self.used, self.disk = array, folder, used, Disk()
        self.files: list[Descriptor | None] = [None] * (max(used, default=-1) + 1)
        self.opened: deque[int] = deque()  # the shards of `files`, the oldest first
        self.process = os.getpid()
        self.threads = ThreadPoolExecutor(THREADS)  # which starts no thread before the first work

    def gather(self, pieces: list[Piece], out: Frames) -> None:
        """Copy pieces of shards into rows of `out`, (N, D)."""
        self._after_fork()
        done, at = [], 0
        for shard, start, length in pieces:
            target = out[at : at + length]
            done.append(self.threads.submit(self._read, shard, start, target))
            at += length
        for future in done:
            future.result()

    def prefetch(self, pieces: list[Piece]) -> None:
        """Do nothing, because the threads already read in parallel."""

    def _read(self, shard: int, start: int, out: Frames) -> None:
        """Read the rows of one shard from row `start` on, until `out` is full."""
        whole = np.ascontiguousarray(out)  # This is a copy where layers lie side by side.
        target = memoryview(whole).cast("B")  # type: ignore[arg-type]
        file, position = self._file(shard), start * self.array.row_bytes
        while len(target):
            count = os.preadv(file, [target], position)
            if count == 0:
                raise _cut_short(self.folder / str(shard) / "0")
            target, position = target[count:], position + count
        if whole is not out:
            out[...] = whole

    def _file(self, shard: int) -> Descriptor:
        """Return the descriptor of a shard's file; the first one is dropped if there are too many.

        A thread that still reads a dropped file holds its descriptor, so it stays open until then.
        """
        found = self.files[shard]
        if found is None:
            found = open_shard(self.folder, shard, self.used[shard], self.array)
            self.files[shard] = found
            self.opened.append(shard)
            if len(self.opened) > FILES:
                self.files[self.opened.popleft()] = None
        return found

    def _after_fork(self) -> None:
        """Start new threads in a forked process: open files survive a fork, threads do not."""
        if self.process != os.getpid():
            self.process, self.threads = os.getpid(), ThreadPoolExecutor(THREADS)


class OneByOne(Positioned):
    """Read the shards of one array with `preadv` in the calling thread.

    This is faster than a map for short utterances, because a map's length must be checked before
    each read, and for more shards than are mapped at a time.
    """

    def gather(self, pieces: list[Piece], out: Frames) -> None:
        """Copy pieces of shards into rows of `out`, (N, D)."""
        if not pieces:
            return
        whole = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
        target = memoryview(whole).cast("B")  # type: ignore[arg-type]
        row, at, file, preadv = self.array.row_bytes, 0, self._file, os.preadv
        for shard, start, length in pieces:
            stop = at + length * row
            if preadv(file(shard), [target[at:stop]], start * row) != stop - at:
                self._read(shard, start, whole[at // row : stop // row])
            at = stop
        if whole is not out:
            out[...] = whole
        self.disk.look()

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
        reason = "it is gone" if isinstance(problem, FileNotFoundError) else problem.strerror
        raise StoreError(
            f"{path}: this committed shard is unreadable: {reason}; {REMEDY}"
        ) from problem
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

ACCESS: dict[str, Callable[[Path, float, int], Ways]] = {
    "auto": choose,
    "map": lambda *of_array: Mapped,
    "pread": lambda *of_array: Positioned,
}
