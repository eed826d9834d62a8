"""The frames of an mp3 are counted: libsndfile only estimates its length if its index is wrong."""

import io
import struct
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

BITRATES = {  # In kbit/s, by the number in the header; layer III of MPEG 1, and of 2 and 2.5.
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
MIDDLE = 9  # The number of a bit rate whose frames are long enough for an index.


class Frames(NamedTuple):
    """The frames of an mp3.

    Attributes:
        found: the number of frames of sound.
        start: the position of the first of them.
        end: the position behind the last of them.
        even: whether all have the same length, and nothing precedes them.
        index_at: the position of the index's count of frames; 0 without an index.
        indexed: the number of frames by the index.
        missing: the bytes of sound that the index counts and the file lacks.
    """

    found: int
    start: int
    end: int
    even: bool
    index_at: int
    indexed: int
    missing: int

    @property
    def is_exact(self) -> bool:
        """Whether libsndfile computes the length from the index or from equal frames."""
        return abs(self.indexed - self.found) <= 1 if self.index_at else self.even


def frames_of(path: Path) -> Frames | None:
    """Return the frames of an mp3 (layer III); None if the file is none."""
    with path.open("rb") as file:
        head = file.read(3)
    if head != b"ID3" and not (head[:1] == b"\xff" and head[1:2] >= b"\xe0"):
        return None
    stat = path.stat()
    return _frames_of(path, stat.st_mtime_ns, stat.st_size)


def with_index(path: Path, frames: Frames) -> io.BytesIO:
    """Return the frames of an mp3 behind an index with their number."""
    data = path.read_bytes()[frames.start : frames.end]
    head = bytes([0xFF, data[1] | 1, MIDDLE << 4 | data[2] & 0x0C, data[3]])
    offset = _index_offset(head)
    index = bytearray(_length(head))
    index[:4] = head
    counts = (3, frames.found, len(index) + len(data))  # The flags, the frames, the bytes.
    index[offset : offset + 16] = b"Xing" + struct.pack(">III", *counts)
    return io.BytesIO(bytes(index) + data)


@lru_cache(maxsize=64)  # Segments of one recording follow each other.
def _frames_of(path: Path, _modified_ns: int, _size: int) -> Frames | None:
    data = path.read_bytes()
    at = _after_tags(data)
    first = at = _next_frame(data, at)
    if at < 0:
        return None
    index, indexed, missing = 0, 0, 0
    mark = at + _index_offset(data[at : at + 4])
    if data[mark : mark + 4] in (b"Xing", b"Info") and data[mark + 7] & 1:
        index, indexed = mark + 8, int.from_bytes(data[mark + 8 : mark + 12])
        counted = int.from_bytes(data[mark + 12 : mark + 16]) if data[mark + 7] & 2 else 0
        missing = max(counted - (len(data) - at), 0) if counted < 1 << 31 else 0
    if index or data[at + 36 : at + 40] == b"VBRI":
        at += _length(data[at : at + 4])
    start, end, count, lengths = at, at, 0, set()
    while at >= 0:
        length = _length(data[at : at + 4], data[first : first + 4])
        if length and at + length <= len(data):
            lengths.add(length)
            at = end = at + length
            count += 1
        else:  # A tag, or damaged bytes; or the last frame is cut.
            at = -1 if length else _next_frame(data, at)
    even = len(lengths) == 1 and start == first == 0
    return Frames(count, start, end, even, index, indexed, missing) if count else None


def _after_tags(data: bytes) -> int:
    """Return the position behind the ID3 tags at the start."""
    at = 0
    while data[at : at + 3] == b"ID3" and len(data) >= at + 10:
        size = 0
        for byte in data[at + 6 : at + 10]:
            size = size << 7 | byte & 0x7F
        at += 10 + size + (10 if data[at + 5] & 0x10 else 0)
    return at


def _next_frame(data: bytes, at: int) -> int:
    """Return the position of the first two frames that follow each other, or -1."""
    while (at := data.find(b"\xff", at)) >= 0:
        length = _length(data[at : at + 4])
        if length and _length(data[at + length : at + length + 4], data[at : at + 4]):
            return at
        at += 1
    return -1


def _length(head: bytes, like: bytes = b"") -> int:
    """Return the length of a frame with its header; 0 if it is none, or not one of this stream."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    if like and (head[1] & 0xFE != like[1] & 0xFE or head[2] & 0x0C != like[2] & 0x0C):
        return 0
    version, bits, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or bits in (0, 15) or rate == 3:
        return 0
    samples = 144 if version == 3 else 72
    return samples * 1000 * BITRATES[version == 3][bits] // RATES_HZ[version][rate] + (
        head[2] >> 1 & 1
    )


def _index_offset(head: bytes) -> int:
    """Return the position of an index in its frame: behind the header and the side information."""
    mono, first = head[3] >> 6 == 3, head[1] >> 3 & 3 == 3
    return 4 + ((17 if mono else 32) if first else (9 if mono else 17))
