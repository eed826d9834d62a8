"""Local copies of shards, filled block by block, in a folder of bounded size."""

import hashlib
import mmap
import os
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

BLOCK_BYTES = 8 << 20  # smaller requests do not use the bandwidth of a bucket
FOLDER, LIMIT = "MEDUSA_BLOCKS", "MEDUSA_BLOCKS_GB"
USUAL_GB = 20.0
DISK_BLOCK = 512  # the unit of `st_blocks`


class ShardCopy:
    """The copy of one shard: a sparse file, which ends with a byte for each block that it has.

    Args:
        path: the file of the copy.
        size: the bytes of the shard.
        version: what the server calls the version of the shard.
    """

    def __init__(self, path: Path, size: int, version: str) -> None:
        self.path, self.size, self.version = path, size, version
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        first = -(-size // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
        count = -(-size // BLOCK_BYTES)
        os.ftruncate(self.file, first + count)
        self.bytes = mmap.mmap(self.file, size, access=mmap.ACCESS_READ)
        self.marks = np.frombuffer(mmap.mmap(self.file, count, offset=first), np.uint8)
        os.utime(path)

    def blocks(self, start: int, stop: int) -> range:
        """Return the numbers of the blocks between two bytes."""
        return range(start // BLOCK_BYTES, -(-stop // BLOCK_BYTES))

    def absent(self) -> set[int]:
        """Return the numbers of the blocks that the copy lacks."""
        return set(np.flatnonzero(self.marks == 0).tolist())

    def end(self, block: int) -> int:
        """Return the byte after a block."""
        return min((block + 1) * BLOCK_BYTES, self.size)

    def write(self, position: int, data: memoryview) -> None:
        """Write bytes; the blocks that they complete are marked afterwards."""
        while data:
            count = os.pwrite(self.file, data, position)
            data, position = data[count:], position + count

    def matrix(self, dtype: str, frames: int, width: int) -> npt.NDArray[np.generic]:
        """Return the shard as a mapped matrix (frames, D), whose absent blocks are zeros."""
        return np.frombuffer(self.bytes, dtype, frames * width).reshape(frames, width)

    def __del__(self) -> None:
        with suppress(AttributeError, OSError):
            os.close(self.file)


class BlockFolder:
    """The folder of all copies, which together take at most a number of bytes.

    Attributes:
        removals: how often copies were removed; a reader then gives up the removed ones.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder, self.limit_bytes = folder, limit_bytes
        self.removals, self._since = 0, limit_bytes  # the first block looks at the whole folder
        self.begin()

    def begin(self) -> None:
        """Make the lock, also in a forked process."""
        self._lock = threading.Lock()

    @classmethod
    def of_environment(cls) -> "BlockFolder":
        """Return the folder of `MEDUSA_BLOCKS`, with at most `MEDUSA_BLOCKS_GB` gigabytes."""
        usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "medusa/blocks"
        folder = Path(os.environ.get(FOLDER) or usual)
        return cls(folder, int(float(os.environ.get(LIMIT) or USUAL_GB) * 1e9))

    def copy(self, url: str, version: str, size: int) -> ShardCopy:
        """Return the copy of a version of a shard."""
        digest = hashlib.sha256(f"{url} {version}".encode()).hexdigest()[:32]
        return ShardCopy(self.folder / f"{digest}.shard", size, version)

    def added(self, count: int) -> None:
        """Note new bytes; from time to time, remove the copies that were opened first."""
        with self._lock:
            self._since += count
            if self._since >= self.limit_bytes // 8:
                self._since = 0
                self._trim()

    def _trim(self) -> None:
        files = []
        for path in self.folder.glob("*.shard"):
            with suppress(FileNotFoundError):  # another process may remove it
                facts = path.stat()
                files.append((facts.st_mtime, facts.st_blocks * DISK_BLOCK, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self.limit_bytes * 7 // 8:
                break
            path.unlink(missing_ok=True)
            total -= size
            self.removals += 1
