"""The row of every content in a large index, in 8 bytes a row; a dictionary takes 150.

Contents are digests. For each, a number is sorted: above, bits that are made of the first 16 bytes
of the content, and below, the row. A lookup finds the number by bisection and then compares the
whole content.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

KEY_BYTES = 16
MIX = np.uint64(0x9E3779B97F4A7C15)  # an odd number with mixed bits (Knuth's multiplicative hash)


class ContentRows(Mapping[str, int]):
    """Content -> row, for contents of one length; the first of equal contents counts.

    Args:
        matrix: (R, L) the bytes of the contents, with L at least 16.
    """

    def __init__(self, matrix: npt.NDArray[np.uint8]) -> None:
        self.matrix = matrix
        # A sorted number has a part of the key above and the row below. numpy sorts such numbers
        # several times as fast as it sorts rows by their keys.
        self.bits = np.uint64(max(len(matrix) - 1, 1).bit_length())
        above = _keys(matrix) >> self.bits << self.bits
        self.sorted = np.sort(above | np.arange(len(matrix), dtype=np.uint64))
        self.repeated = self._repeated()

    def _row(self, position: int) -> int:
        """Return the row of a sorted number."""
        mask = (np.uint64(1) << self.bits) - np.uint64(1)
        return int(self.sorted[position] & mask)

    def _repeated(self) -> npt.NDArray[np.int64]:
        """Return the rows whose content is that of an earlier row, ascending."""
        keys = self.sorted >> self.bits
        rows = [self._row(one) for one in (np.flatnonzero(keys[1:] == keys[:-1]) + 1).tolist()]
        repeated = [row for row in rows if self._find(self.matrix[row].tobytes()) != row]
        return np.array(sorted(repeated), np.int64)

    def _find(self, content: bytes) -> int:
        """Return the first row of a content, or -1."""
        if len(content) != self.matrix.shape[1]:
            return -1
        key = _keys(np.frombuffer(content, np.uint8)[None])[0] >> self.bits
        for position in range(int(self.sorted.searchsorted(key << self.bits)), len(self.sorted)):
            if self.sorted[position] >> self.bits != key:
                break
            row = self._row(position)
            if self.matrix[row].tobytes() == content:
                return row
        return -1

    def __getitem__(self, content: str) -> int:
        row = self._find(content.encode()) if isinstance(content, str) else -1
        if row < 0:
            raise KeyError(content)
        return row

    def __len__(self) -> int:
        return len(self.matrix) - len(self.repeated)

    def __iter__(self) -> Iterator[str]:
        skipped = set(self.repeated.tolist())
        for row in range(len(self.matrix)):
            if row not in skipped:
                yield self.matrix[row].tobytes().decode()


def _keys(matrix: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Return a number for each content, (R,)."""
    words = np.ascontiguousarray(matrix[:, :KEY_BYTES]).view(np.uint64)
    keys: npt.NDArray[np.uint64] = words[:, 0] * MIX ^ words[:, 1]
    return keys


def equal_lengths(contents: pa.Array) -> npt.NDArray[np.uint8] | None:
    """Return the bytes of contents of one length, (R, L), or None."""
    _, offsets, data = contents.buffers()
    places = np.frombuffer(offsets, np.int32)[contents.offset : contents.offset + len(contents) + 1]
    lengths = np.diff(places)
    width = int(lengths[0])
    if width < KEY_BYTES or (lengths != width).any():
        return None
    used = np.frombuffer(data, np.uint8)[places[0] : places[-1]]
    return used.reshape(len(contents), width)
