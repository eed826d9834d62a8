"""Reading the shards of one array in a bucket, through copies of their blocks."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from medusa.bucket_path import BucketPath
from medusa.cache.access import REMEDY, Frames, Piece
from medusa.cache.buckets.blocks import BLOCK_BYTES, FOLDER, BlockFolder, ShardCopy
from medusa.cache.layout import StoredArray, shard_bytes
from medusa.errors import StoreError

THREADS = 8
MOST_BLOCKS, MOST_GAP = 16, 4  # blocks of one request, and those that it fetches unasked
PART_BYTES = 1 << 20  # what is written to the copy at a time
Block = tuple[ShardCopy, int]  # the copy of a shard, and the number of a block in it


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
        self.matrices: dict[int, Frames] = {}
        self.whole: dict[int, Frames] = {}  # the matrices whose frames are all here
        self.removals = 0
        self._begin()

    def _begin(self) -> None:
        """Make threads and locks, also in a forked process, which has no threads."""
        self.flying: dict[Block, Future[None]] = {}
        self.lock, self.process = threading.Lock(), os.getpid()
        self.threads = ThreadPoolExecutor(THREADS)

    def gather(self, pieces: list[Piece], out: Frames) -> None:
        """Copy pieces of shards into rows of `out`, (N, D).

        Raises:
            StoreError: blocks cannot be fetched, or there is no room for their copies.
        """
        matrices, waiting = self._request(pieces)
        try:
            for future in waiting:
                future.result()
        except OSError as problem:
            raise StoreError(
                f"{self.folder}: its blocks could not be copied to {self.blocks.folder} "
                f"({problem.strerror or problem}); check the connection and the room on the disk, "
                f"or name another folder with {FOLDER}, and run the command again"
            ) from problem
        at = 0
        for shard, start, length in pieces:
            out[at : at + length] = matrices[shard][start : start + length]
            at += length

    def prefetch(self, pieces: list[Piece]) -> None:
        """Start fetching the blocks of these pieces in the background."""
        self._request(pieces)

    def _request(self, pieces: list[Piece]) -> tuple[dict[int, Frames], set[Future[None]]]:
        """Start to fetch the absent blocks of some pieces.

        Returns:
            The matrices of their shards, and the fetches that fill the rows of the pieces.
        """
        if self.process != os.getpid():
            self._begin()
            self.blocks.begin()
        self._give_up()
        whole = self.whole
        if whole.keys() >= {piece[0] for piece in pieces}:
            return whole, set()
        wanted: dict[int, set[int]] = {}
        row = self.array.row_bytes
        with self.lock:
            for shard, start, length in pieces:
                blocks = self._copy(shard).blocks(start * row, (start + length) * row)
                wanted.setdefault(shard, set()).update(blocks)
            waiting = set[Future[None]]()
            for shard, numbers in wanted.items():
                waiting |= self._start(shard, numbers)
            return {shard: self.matrices[shard] for shard in wanted}, waiting

    def _start(self, shard: int, wanted: set[int]) -> set[Future[None]]:
        """Start to fetch the absent blocks among the wanted ones; the lock is held.

        Returns:
            The fetches that the wanted blocks wait for.
        """
        copy, source = self.copies[shard], self._object(shard)
        absent = copy.absent()  # Other processes add blocks, too: this is looked at one time.
        frames = copy.blocks(0, self.used[shard] * self.array.row_bytes)
        if absent.isdisjoint(frames):  # A last block may hold nothing but the end of the file.
            self.whole[shard] = self.matrices[shard]
        free = {block for block in absent if (copy, block) not in self.flying}
        for run in _runs(wanted & free, free):
            self.threads.submit(self._fetch, copy, source, run)
            # A block leaves `flying` under the lock, and therefore not before this line.
            self.flying |= {(copy, block): Future() for block in run}
        return {self.flying[copy, block] for block in wanted & absent}

    def _fetch(self, copy: ShardCopy, source: BucketPath, run: range) -> None:
        """Fetch consecutive blocks of a shard; each can be read as soon as it has arrived."""
        at, stop, block = run.start * BLOCK_BYTES, copy.end(run.stop - 1), run.start
        try:
            for part in source.stream(at, stop, copy.version, PART_BYTES):
                copy.write(at, part)
                at += len(part)
                while block < run.stop and at >= copy.end(block):
                    copy.marks[block] = 1
                    self._ended(copy, block).set_result(None)
                    block += 1
        except BaseException as problem:  # Whatever it is, nobody may wait for ever.
            for absent in range(block, run.stop):
                self._ended(copy, absent).set_exception(problem)
        self.blocks.added(copy.end(block - 1) - run.start * BLOCK_BYTES)

    def _ended(self, copy: ShardCopy, block: int) -> Future[None]:
        """Return the future of a block that has arrived, or will not."""
        with self.lock:
            return self.flying.pop((copy, block))

    def _copy(self, shard: int) -> ShardCopy:
        """Return the copy of a shard, after checking the size of the shard."""
        if shard not in self.copies:
            frames, path = self.used[shard], self._object(shard)
            size = shard_bytes(frames, self.array.row_bytes)
            self.copies[shard] = copy = self.blocks.copy(str(path), self._version(path, size), size)
            self.matrices[shard] = copy.matrix(self.array.dtype, frames, self.array.width)
        return self.copies[shard]

    def _version(self, path: BucketPath, size: int) -> str:
        """Return the version of a shard after comparing its size.

        Raises:
            StoreError: the shard is missing, cut short or compressed.
        """
        try:
            actual, version = path.version()
        except OSError as problem:
            raise StoreError(
                f"{path}: this committed shard is unreadable: {problem.strerror}; {REMEDY}"
            ) from problem
        if actual == size:
            return version
        raise StoreError(
            f"{path}: this shard is damaged, cut short, or part of an archive; {REMEDY}"
        )

    def _give_up(self) -> None:
        """Forget the copies that were removed."""
        if self.removals != self.blocks.removals:
            with self.lock:
                self.removals, self.whole = self.blocks.removals, {}
                for shard in [n for n, copy in self.copies.items() if not copy.path.exists()]:
                    del self.copies[shard], self.matrices[shard]

    def _object(self, shard: int) -> BucketPath:
        return self.folder / str(shard) / "0"


def _runs(wanted: set[int], free: set[int]) -> Iterator[range]:
    """Yield runs of blocks that contain the wanted ones.

    Args:
        wanted: the numbers of blocks, which are free.
        free: the blocks that are neither here nor on their way. Short gaps of them are fetched,
            too: one request costs less than two, and an epoch needs them later.
    """
    run = range(0)
    for block in sorted(wanted):
        gap = range(run.stop, block)
        is_near = len(gap) <= MOST_GAP and block - run.start < MOST_BLOCKS
        if run and is_near and free.issuperset(gap):
            run = range(run.start, block + 1)
        else:
            if run:
                yield run
            run = range(block, block + 1)
    if run:
        yield run
