"""A seal is the checksum of a file inside the file itself: every changed byte is noticed.

A writer puts the text `OPEN` anywhere into a file, for example as a value in its header.
`write_sealed` replaces the eight zeros in it by the crc32c of the whole file with the zeros, and
`read_sealed` compares them. Files without a seal, which older versions wrote, are read as before.
"""

import json
import re
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt

from medusa.atomic import atomic
from medusa.errors import MedusaError
from medusa.foreign import foreign

BEFORE, ZEROS, AFTER = b"medusa-seal<", b"00000000", b">medusa-seal"
OPEN = (BEFORE + ZEROS + AFTER).decode()
WINDOW = 1 << 24  # Headers and footers, where a seal is, are shorter.
WHOLE = re.compile(BEFORE + rb"([0-9a-f]{8})" + AFTER)


def crc32c(*parts: bytes | npt.NDArray[np.uint8]) -> int:
    """Return the crc32c of some bytes, one part after the other."""
    value = 0
    for part in parts:
        value = google_crc32c.extend(value, part)
    return value


def write_sealed(
    path: Path, data: bytes, *more: npt.NDArray[np.uint8], durable: bool = True
) -> None:
    """Write bytes that contain `OPEN`, and further bytes, to a file, with their checksum in it.

    The file is written as a whole or not at all.
    """
    start = data.rindex(OPEN.encode()) + len(BEFORE)
    with atomic(path, durable=durable) as partial, partial.open("wb") as file:
        file.write(data[:start])
        file.write(f"{crc32c(data, *more):08x}".encode())
        file.write(memoryview(data)[start + len(ZEROS) :])
        for part in more:
            file.write(part.data)


def read_sealed(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        ValueError: the file has a seal, and the bytes differ from it.
    """
    data = path.read_bytes()
    if is_intact(data) is False:
        raise ValueError("its bytes differ from the checksum that was written with them")
    return data


def write_sealed_json(path: Path, values: dict[str, Any]) -> None:
    """Write values to a JSON file, with the checksum of the file as the last value, `seal`."""
    write_sealed(path, (json.dumps(values | {"seal": OPEN}, indent=1) + "\n").encode())


def read_sealed_json(path: Path, remedy: str) -> dict[str, Any]:
    """Return the values of a JSON file, without its seal.

    Raises:
        MedusaError: the file is damaged; the message ends with the remedy.
    """
    with foreign(MedusaError, lambda reason: f"{path}: damaged ({reason}); {remedy}"):
        values = dict[str, Any](json.loads(read_sealed(path)))
    values.pop("seal", None)
    return values


def is_intact(data: bytes) -> bool | None:
    """Return whether some bytes agree with their seal, or None if they have none."""
    start, after = _last(data, BEFORE), _last(data, AFTER)
    if start < 0 and after < 0:
        return None
    found = WHOLE.match(data, start) if start >= 0 else None
    if found is None:
        return False
    first, last = found.span(1)
    whole = np.frombuffer(data, np.uint8)
    return crc32c(whole[:first], ZEROS, whole[last:]) == int(found[1], 16)


def _last(data: bytes, word: bytes) -> int:
    """Return the last start of a word near the end, or else near the start, or else -1."""
    start = data.rfind(word, max(0, len(data) - WINDOW))
    return start if start >= 0 else data.rfind(word, 0, WINDOW)
