"""Seeded damage of bytes: flips, cuts, repeats, and unexpected numbers and texts."""

import random
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

NUMBERS = (0, 1, -1, 0x7F, 0xFF, 0x7FFF, 0x7FFFF000, 0xFFFFFFFF, 1 << 31, 1 << 40, 1 << 63)
TEXTS = (
    b"../../x", b"/etc/passwd", b"\0", b"\xff\xfe", b"\n", b'"', b"[/x]", b"[" * 200, b"{" * 200,
    b"nan", b"inf", b"-1", b"1e400", b"999999999999", b"null", b"true", b"[]", b"{}", b"&a [*a]",
    "\ud7ff\u202e".encode(), b"x" * 5000, b",", b";", b"\t", b"''", b": ", b"- ",
)  # fmt: skip


def mutated(data: bytes, seed: int) -> bytes:
    """Return the bytes after one to four random changes; equal seeds give equal bytes."""
    rng = random.Random(seed)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(CHANGES)(data, rng)
    return data


def one_damaged(files: Sequence[Path], seeds: Iterable[int]) -> Iterator[int]:
    """Yield every seed while one of the files is mutated by it; then the file is whole again."""
    for seed in seeds:
        path = files[seed % len(files)]
        whole = path.read_bytes()
        path.write_bytes(mutated(whole, seed))
        yield seed
        path.write_bytes(whole)


def _flip(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(min(rng.choice((1, 1, 8)), len(data))):
        changed[_at(data, rng)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _drop(data: bytes, rng: random.Random) -> bytes:
    start = _at(data, rng)
    return data[:start] + data[start + rng.choice((1, 4, 16, 200)) :]


def _repeat(data: bytes, rng: random.Random) -> bytes:
    start = _at(data, rng)
    piece = data[start : start + rng.choice((1, 4, 40, 400))]
    return data[:start] + piece * rng.choice((2, 3, 30)) + data[start:]


def _number(data: bytes, rng: random.Random) -> bytes:
    form, start = rng.choice(("<I", ">I", "<Q", ">H")), _at(data, rng)
    value = rng.choice(NUMBERS) % (1 << 8 * struct.calcsize(form))
    return data[:start] + struct.pack(form, value) + data[start + struct.calcsize(form) :]


def _text(data: bytes, rng: random.Random) -> bytes:
    start = _at(data, rng)
    return data[:start] + rng.choice(TEXTS) + data[start + rng.choice((0, 0, 1, 5)) :]


def _word(data: bytes, rng: random.Random) -> bytes:
    """Put another text in place of a whole word, such as a value of JSON or a cell."""
    words = data.replace(b",", b" ").replace(b"\n", b" ").split(b" ")
    word = rng.choice(words)
    return data.replace(word, rng.choice(TEXTS), 1) if word else data


def _at(data: bytes, rng: random.Random) -> int:
    """Return a position; headers are at the start, and are changed more often."""
    end = min(len(data), 200) if rng.random() < 0.4 else len(data)
    return rng.randrange(max(end, 1))


CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_flip, _cut, _drop, _repeat, _number, _text, _word),
)
