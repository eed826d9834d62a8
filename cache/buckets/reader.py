"""Reading the shards of one array in a bucket, through copies of their blocks."""

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from medusa.bucket_path import BucketPath
from medusa.cache.access import REMEDY, Piece, Rows
from medusa.cache.buckets.blocks import BLOCK_BYTES, BlockFolder, ShardCopy
from medusa.cache.layout import FOOTER_BYTES, StoredArray, shard_tail
from medusa.errors import StoreError

THREADS = 8
MOST_BLOCKS = 4  # the blocks of one request
Block = tuple[int, int]  # the shard, and the number of a block in it


class Remote:
    """Read the shards of one array in a bucket; a block is fetched once.

    Args:
        array: the stored array.
        folder: the folder of its shards.
        used: shard -> the number of its frames.
        blocks: the folder of the copies; by default that of the environment.
    """

    def __init__(
        self,
        array: StoredArray,
        folder: Path,
        used: dict[int, int],
        blocks: BlockFolder | None = None,
    ) -> None:
        assert isinstance(folder, BucketPath)
        self.array, self.folder, self.used = array, folder, used
        self.blocks = blocks or BlockFolder.of_environment()
        self.copies: dict[int, ShardCopy] = {}
        self.matrices: dict[int, Rows] = {}
        self.whole: dict[int, Rows] = {}  # the matrices of shards whose blocks are all here
        self.flying: dict[Block, Future[None]] = {}
        self.lock, self.removals, self.process = threading.Lock(), 0, 0
        self.threads: ThreadPoolExecutor

    def gather(self, pieces: list[Piece], out: Rows) -> None:
        """Copy pieces of shards into rows of `out`, (N, D)."""
        matrices, waiting = self._request(pieces)
        for future in waiting:
            future.result()
        at = 0
        for shard, start, length in pieces:
            out[at : at + length] = matrices[shard][start : start + length]
            at += length

    def prefetch(self, pieces: list[Piece]) -> None:
        """Start fetching the blocks of these pieces in the background."""
        self._request(pieces)

    def _request(self, pieces: list[Piece]) -> tuple[dict[int, Rows], set[Future[None]]]:
        """Start to fetch the absent blocks of some pieces.

        Returns:
            The matrices of their shards, and the fetches that fill the rows of the pieces.
        """
        self._give_up()
        whole = self.whole
        if whole.keys() >= {piece[0] for piece in pieces}:
            return whole, set()
        wanted: dict[int, set[int]] = {}
        row = self.array.row_bytes
        with self.lock:
            for shard, start, length in pieces:
                blocks = self._copy(shard).absent(start * row, (start + length) * row)
                wanted.setdefault(shard, set()).update(blocks)
            for shard, numbers in wanted.items():
                new = sorted(block for block in numbers if (shard, block) not in self.flying)
                for run in _runs(new):
                    future = self.threads.submit(self._fetch, self.copies[shard], shard, run)
                    self.flying |= {(shard, block): future for block in run}
                if self.copies[shard].is_whole():
                    self.whole[shard] = self.matrices[shard]
            flying = {self.flying[shard, block] for shard in wanted for block in wanted[shard]}
            return {shard: self.matrices[shard] for shard in wanted}, flying

    def _fetch(self, copy: ShardCopy, shard: int, run: range) -> None:
        """Fetch consecutive blocks of a shard."""
        try:
            stop = min(run.stop * BLOCK_BYTES, copy.size)
            data, _, _ = self._object(shard).read_range(run.start * BLOCK_BYTES, stop)
            copy.write(run, data)
        finally:
            with self.lock:
                for block in run:
                    self.flying.pop((shard, block), None)
        self.blocks.added(len(data))

    def _copy(self, shard: int) -> ShardCopy:
        """Return the copy of a shard, after checking that the shard is whole."""
        if shard not in self.copies:
            frames, path = self.used[shard], self._object(shard)
            padding, footer = shard_tail(frames, self.array.row_bytes)
            size = frames * self.array.row_bytes + len(padding) + len(footer)
            copy = self.blocks.copy(f"{path} {self._check(path, size, footer)}", size)
            self.copies[shard] = copy
            self.matrices[shard] = copy.matrix(self.array.dtype, frames, self.array.width)
        return self.copies[shard]

    def _check(self, path: BucketPath, size: int, footer: bytes) -> str:
        """Return the version of a shard after comparing its size and its end.

        Raises:
            StoreError: the shard is missing, cut short or compressed.
        """
        try:
            data, actual, version = path.read_range(max(0, size - FOOTER_BYTES), size)
        except OSError as problem:
            raise StoreError(
                f"{path}: this committed shard is unreadable: {problem.strerror}; {REMEDY}"
            ) from problem
        if actual == size and data == footer:
            return version
        raise StoreError(
            f"{path}: this shard is damaged, cut short, or part of an archive; {REMEDY}"
        )

    def _give_up(self) -> None:
        """Forget the copies that were removed, and start threads again in a forked process."""
        if self.removals != self.blocks.removals:
            with self.lock:
                self.removals, self.whole = self.blocks.removals, {}
                for shard in [n for n, copy in self.copies.items() if not copy.path.exists()]:
                    del self.copies[shard], self.matrices[shard]
        if self.process != os.getpid():
            self.process, self.threads = os.getpid(), ThreadPoolExecutor(THREADS)
            self.flying = {}

    def _object(self, shard: int) -> BucketPath:
        return self.folder / str(shard) / "0"


def _runs(blocks: Sequence[int]) -> Iterator[range]:
    """Yield runs of consecutive numbers, at most `MOST_BLOCKS` long."""
    first = 0
    for last in range(1, len(blocks) + 1):
        ends = last == len(blocks) or blocks[last] != blocks[last - 1] + 1
        if ends or last - first == MOST_BLOCKS:
            yield range(blocks[first], blocks[last - 1] + 1)
            first = last
