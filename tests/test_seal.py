"""A seal: every flipped bit of a sealed file is noticed, and files without a seal are read."""

import os
from pathlib import Path

import google_crc32c
import numpy as np
import pytest

from medusa import seal
from medusa.errors import MedusaError
from medusa.seal import (
    OPEN,
    crc32c,
    is_intact,
    read_sealed,
    read_sealed_json,
    write_sealed,
    write_sealed_json,
)

BODY = b"\x00some bytes" + OPEN.encode() + bytes(range(256))


def test_the_checksum_is_that_of_the_file_with_zeros_in_its_place(tmp_path: Path) -> None:
    write_sealed(tmp_path / "a", BODY)
    stored = (tmp_path / "a").read_bytes()
    assert BODY.replace(b"00000000", f"{google_crc32c.value(BODY):08x}".encode()) == stored
    assert read_sealed(tmp_path / "a") == stored and is_intact(stored) is True
    assert crc32c(BODY[:9], np.frombuffer(BODY[9:], np.uint8)) == google_crc32c.value(BODY)


@pytest.mark.parametrize("window", [1 << 24, 64])
def test_every_flipped_bit_is_noticed(tmp_path: Path, monkeypatch, window: int) -> None:
    monkeypatch.setattr(seal, "WINDOW", window)
    write_sealed(tmp_path / "a", BODY)
    whole = (tmp_path / "a").read_bytes()
    assert is_intact(whole) is True
    for place in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << bit
            assert is_intact(bytes(flipped)) is False, (place, bit)


def test_a_changed_file_is_refused_and_one_without_a_seal_is_read(tmp_path: Path) -> None:
    write_sealed(tmp_path / "a", BODY)
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes() + b"!")
    with pytest.raises(ValueError, match="differ from the checksum"):
        read_sealed(tmp_path / "a")
    (tmp_path / "old").write_bytes(b"old")
    assert read_sealed(tmp_path / "old") == b"old" and is_intact(b"old") is None


def test_a_text_that_looks_like_a_seal_is_no_seal(tmp_path: Path) -> None:
    odd = f"{OPEN} a text {OPEN}".encode()
    write_sealed(tmp_path / "a", odd)
    assert read_sealed(tmp_path / "a").startswith(OPEN.encode())


def test_every_flipped_bit_of_a_sealed_json_file_is_refused(tmp_path: Path) -> None:
    path, values = tmp_path / "a.json", {"seed": 3, "name": "é", "list": [1.5, None]}
    write_sealed_json(path, values)
    assert read_sealed_json(path, "make it again") == values
    whole = path.read_bytes()
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        with pytest.raises(MedusaError, match=r"a\.json: damaged \(.*\); make it again"):
            read_sealed_json(path, "make it again")
    path.write_text('{"seed": 3}')  # Older versions wrote no seal.
    assert read_sealed_json(path, "make it again") == {"seed": 3}


def test_nothing_is_left_when_there_is_no_room(tmp_path: Path, monkeypatch) -> None:
    def refuse(*words: object, **settings: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        write_sealed(tmp_path / "a", BODY)
    assert not os.listdir(tmp_path)
