"""Headers tell how many bytes of sound follow; wrong sizes are corrected, cut files are found.

The headers of PVF, PAF, IRCAM, SD2 and XI have no length: a cut file looks like a whole one.
"""

import io
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

SLACK = 64  # Some writers count the bytes of their own header as sound.
NEAR = 1 << 16
MOST_CHUNKS = 10_000
MOST_VOC = 0xFFFFFF  # A streaming writer leaves the largest number of three bytes, or 0.
# Streaming writers leave 0, or a number near these, in place of the unknown size.
UNKNOWN_SIZES = (1 << 31, 1 << 32, 1 << 63, 1 << 64)
LONGEST_HEADER = 1024
MAT4_WIDTHS = {0: 8, 10: 4, 20: 4, 30: 2}  # A type of number -> its bytes.


class SoundChunk(NamedTuple):
    """The sound of a file, as its header tells it.

    Attributes:
        start: the position of the first byte of sound.
        promised: the number of bytes of sound; 0 or less if it is unknown.
        present: the number of bytes from `start` to the end of the file.
        at: the position of the size in the header.
        form: the format of the size, for `struct`.
        extra: the bytes that the size counts besides the sound.
    """

    start: int
    promised: int
    present: int
    at: int = 0
    form: str = ""
    extra: int = 0

    @property
    def unknown(self) -> bool:
        """Whether the header has no size of the sound."""
        return self.promised <= 0 or (_is_unknown(self.promised) and self.present < self.promised)

    @property
    def correctable(self) -> bool:
        """Whether the header's size is unknown, or some bytes too large, and can be replaced."""
        slightly = self.present < self.promised <= self.present + SLACK
        return bool(self.form) and (self.unknown or slightly)

    @property
    def truncated(self) -> bool:
        """Whether bytes of sound are missing."""
        return not self.unknown and self.present + SLACK < self.promised

    def correction(self) -> bytes:
        """Return the size that the header should have."""
        return struct.pack(self.form, self.present + self.extra)


def _is_unknown(size: int) -> bool:
    """Return whether a number is one that streaming writers leave in place of a size."""
    return any(abs(size - unknown) <= NEAR for unknown in UNKNOWN_SIZES)


def sound_chunk(path: Path) -> SoundChunk | None:
    """Return the place of the sound in a file; None for other formats, and without any sound."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        head = file.read(40)
        reader = READERS.get(head[:4], _rare)
        chunk = reader(file, head, size)
        if chunk is None or chunk.present <= 0:
            return None
        if chunk.promised <= 0 and _has_chunks_only(file, chunk, size):
            return None
    return chunk


def _chunks(
    file: BinaryIO, at: int, form: str, pad: int, own: int = 0
) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name, the size and the position of each chunk; `own` is the header in the size."""
    length = struct.calcsize(form)
    end = file.seek(0, io.SEEK_END)
    for _ in range(MOST_CHUNKS):
        if at >= end or file.seek(at) != at or len(head := file.read(length)) < length:
            return
        name, size = struct.unpack(form, head)
        yield name, size - own, at + length
        at += length + max(size - own, 0)
        at += -at % pad if own else (size % pad)


def _riff(file: BinaryIO, head: bytes, size: int) -> SoundChunk | None:
    """Read RIFF, its big-endian form RIFX, and RF64, whose sizes have 64 bits."""
    order = ">" if head[:4] == b"RIFX" else "<"
    large: tuple[int, int] | None = None
    for name, promised, start in _chunks(file, 12, f"{order}4sI", 2):
        if name == b"ds64":
            file.seek(start + 8)
            large = (struct.unpack("<Q", file.read(8))[0], start + 8)
        elif name == b"data" and large and promised == 0xFFFFFFFF:
            return SoundChunk(start, large[0], size - start, large[1], "<Q")
        elif name == b"data":
            return SoundChunk(start, promised, size - start, start - 4, f"{order}I")
    return None


def _w64(file: BinaryIO, _head: bytes, size: int) -> SoundChunk | None:
    for name, promised, start in _chunks(file, 40, "<16sQ", 8, own=24):
        if name[:4] == b"data":
            return SoundChunk(start, promised, size - start, start - 8, "<Q", 24)
    return None


def _aiff(file: BinaryIO, _head: bytes, size: int) -> SoundChunk | None:
    for name, promised, start in _chunks(file, 12, ">4sI", 2):
        if name == b"SSND":  # An offset and a block size precede the sound.
            return SoundChunk(start + 8, promised - 8, size - start - 8, start - 4, ">I", 8)
        if name == b"BODY":  # The sound of 8SVX and 16SV.
            return SoundChunk(start, promised, size - start, start - 4, ">I")
    return None


def _caf(file: BinaryIO, _head: bytes, size: int) -> SoundChunk | None:
    for name, promised, start in _chunks(file, 8, ">4sq", 1):
        if name == b"data":  # A count of edits precedes the sound.
            return SoundChunk(start + 4, promised - 4, size - start - 4, start - 8, ">q", 4)
    return None


def _au(_file: BinaryIO, head: bytes, size: int) -> SoundChunk | None:
    order = ">" if head[:4] == b".snd" else "<"
    start, promised = struct.unpack(f"{order}II", head[4:12])
    return SoundChunk(start, promised, size - start, 8, f"{order}I")


def _voc(file: BinaryIO, _head: bytes, size: int) -> SoundChunk | None:
    file.seek(20)
    at = int.from_bytes(file.read(2), "little")
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        block = file.read(4)
        if len(block) < 4 or block[0] not in VOC_BLOCKS:
            return None
        length, about = int.from_bytes(block[1:], "little"), VOC_BLOCKS[block[0]]
        if about:
            promised = length - about if length != MOST_VOC else 0
            return SoundChunk(at + 4 + about, promised, size - at - 4 - about)
        at += 4 + length
    return None


def _sphere(file: BinaryIO, _head: bytes, size: int) -> SoundChunk | None:
    file.seek(0)
    text = file.read(1024).decode("latin-1")
    found = dict(re.findall(r"(\w+) -(?:i|s\d+) (\d+)", text))
    counts = [int(found.get(name, 0)) for name in ("sample_count", "channel_count")]
    promised = counts[0] * counts[1] * int(found.get("sample_n_bytes", 0))
    promised = 0 if _is_unknown(counts[0]) else promised
    start = int(text.split()[1]) if text.split()[1:2] and text.split()[1].isdecimal() else 1024
    return SoundChunk(start, promised, size - start) if promised else None


def _rare(file: BinaryIO, _head: bytes, size: int) -> SoundChunk | None:
    file.seek(0)
    promise = promise_of(file.read(LONGEST_HEADER))
    return SoundChunk(promise.start, promise.size, size - promise.start) if promise else None


def _has_chunks_only(file: BinaryIO, chunk: SoundChunk, size: int) -> bool:
    """Return whether other chunks follow an empty chunk of sound up to the end of the file."""
    file.seek(chunk.start)
    names = {b"LIST", b"fact", b"id3 ", b"ID3 ", b"bext", b"cue ", b"PEAK", b"JUNK", b"ANNO"}
    return file.read(4) in names


def is_cut_ogg(path: Path) -> bool:
    """Return whether the last page of an Ogg file is not marked as the last."""
    with path.open("rb") as file:
        if file.read(4) != b"OggS":
            return False
        file.seek(max(file.seek(0, io.SEEK_END) - 2 * NEAR, 0))  # A page has at most 65,307 bytes.
        tail = file.read()
    page = tail.rfind(b"OggS")
    return page >= 0 and not tail[page + 5 : page + 6] >= b"\4"


class Corrected(io.FileIO):
    """A file in which some bytes are read as other bytes."""

    def __init__(self, path: Path, at: int, data: bytes) -> None:
        super().__init__(path)
        self.at, self.data = at, data

    def readinto(self, buffer: "memoryview") -> int | None:  # type: ignore[override]
        start = self.tell()
        count = super().readinto(buffer) or 0
        view = memoryview(buffer).cast("B")
        for position in range(max(self.at, start), min(self.at + len(self.data), start + count)):
            view[position - start] = self.data[position - self.at]
        return count


# The kind of a block of VOC -> the bytes before its sound; 0 if the block has no sound.
VOC_BLOCKS = {1: 2, 9: 12, **dict.fromkeys((3, 4, 5, 6, 7, 8), 0)}
READERS = {
    **dict.fromkeys((b"RIFF", b"RIFX", b"RF64", b"BW64"), _riff),
    **{b"riff": _w64, b"FORM": _aiff, b".snd": _au, b"dns.": _au, b"NIST": _sphere},
    **{b"caff": _caf, b"Crea": _voc},
}


class Promise(NamedTuple):
    """The position of the first byte of sound, and the number of bytes that should follow."""

    start: int
    size: int


def promise_of(head: bytes) -> Promise | None:
    """Return the promise of a header, whose first bytes are `head`; None for other containers."""
    reader = next((one for magic, one in RARE_READERS.items() if head.startswith(magic)), None)
    try:
        return reader(head) if reader else None
    except struct.error:  # The header itself is cut; libsndfile refuses the file.
        return None


def _avr(head: bytes) -> Promise:
    stereo, bits, frames = struct.unpack(">hh10xI", head[12:30])
    return Promise(128, frames * (2 if stereo else 1) * bits // 8)


def _mpc2k(head: bytes) -> Promise:
    stereo, frames = struct.unpack("<B8xI", head[21:34])
    return Promise(42, frames * (2 if stereo else 1) * 2)


def _wve(head: bytes) -> Promise:
    return Promise(32, struct.unpack(">I", head[18:22])[0])


def _sds(head: bytes) -> Promise | None:
    """Read a sample dump of MIDI: blocks of 127 bytes, 120 of them with 7 bits of sound each."""
    bits, low, middle, high = struct.unpack("6xB3x3B", head[:13])
    in_block = 120 // -(-bits // 7) if bits else 0
    frames = low | middle << 7 | high << 14
    return Promise(21, -(-frames // in_block) * 127) if in_block else None


def _mat4(head: bytes) -> Promise | None:
    """Read two matrices of MATLAB 4: the rate, and the sound (channels, frames)."""
    at = head.find(b"samplerate\0") + len(b"samplerate\0") + 8
    for order in "<>":
        kind, channels, frames, _, letters = struct.unpack(f"{order}5I", head[at : at + 20])
        if head[at + 20 :].startswith(b"wavedata\0") and letters == len(b"wavedata\0"):
            width = MAT4_WIDTHS.get(kind % 1000, 0)
            return Promise(at + 20 + letters, channels * frames * width)
    return None


def _mat5(head: bytes) -> Promise | None:
    """Read the size of the matrix `wavedata` of MATLAB 5."""
    at = head.find(b"wavedata") + len(b"wavedata")
    order = "<" if head[126:128] == b"IM" else ">"
    size = struct.unpack(f"{order}4xI", head[at : at + 8])[0]
    return Promise(at + 8, size) if b"wavedata" in head else None


RARE_READERS = {
    **{b"2BIT": _avr, b"\1\4": _mpc2k, b"ALawSoundFile**": _wve, b"\xf0\x7e": _sds},
    **{b"\0\0\0\0": _mat4, b"\0\0\3\xe8": _mat4, b"MATLAB 5.0": _mat5},
}
