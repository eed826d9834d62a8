"""Rare containers whose headers count the samples: AVR, MPC2K, SDS, WVE and MATLAB 4 and 5.

The headers of PVF, PAF, IRCAM, SD2 and XI have no length: a cut file looks like a whole one.
"""

import struct
from typing import NamedTuple

LONGEST_HEADER = 1024
MAT4_WIDTHS = {0: 8, 10: 4, 20: 4, 30: 2}  # A type of number -> its bytes.


class Promise(NamedTuple):
    """The position of the first byte of sound, and the number of bytes that should follow."""

    start: int
    size: int


def promise_of(head: bytes) -> Promise | None:
    """Return the promise of a header, whose first bytes are `head`; None for other containers."""
    reader = next((one for magic, one in READERS.items() if head.startswith(magic)), None)
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


READERS = {
    **{b"2BIT": _avr, b"\1\4": _mpc2k, b"ALawSoundFile**": _wve, b"\xf0\x7e": _sds},
    **{b"\0\0\0\0": _mat4, b"\0\0\3\xe8": _mat4, b"MATLAB 5.0": _mat5},
}
