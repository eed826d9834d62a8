"""Every utterance is compared with its checksum when a process reads it for the first time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medusa.cache.access import REMEDY
from medusa.cache.index import Index
from medusa.cache.layout import checksum
from medusa.errors import StoreError


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
