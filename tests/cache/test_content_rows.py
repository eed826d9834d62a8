"""A large index finds the rows that a dictionary finds."""

import hashlib

import pyarrow as pa
import pytest

from medusa.cache import index
from medusa.cache.content_rows import ContentRows
from medusa.cache.index import rows_of


def contents(count: int) -> list[str]:
    return [hashlib.md5(str(number).encode()).hexdigest() for number in range(count)]


@pytest.fixture
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "LARGE", 2)


def expected(names: list[str]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, row)
    return rows


@pytest.mark.usefixtures("small_is_large")
def test_rows_are_those_of_a_dictionary() -> None:
    names = [*contents(2000), *contents(50), *contents(3)]  # some occur twice or three times
    found = rows_of(pa.array(names))
    assert isinstance(found, ContentRows)
    assert dict(found) == expected(names) and len(found) == 2000
    assert list(found) == list(expected(names)) and list(found.values()) == list(range(2000))
    assert "another" not in found and 7 not in found and "f" * 32 not in found
    with pytest.raises(KeyError):
        found["f" * 32]


@pytest.mark.usefixtures("small_is_large")
def test_contents_with_the_same_beginning_are_told_apart() -> None:
    names = [f"{'a' * 16}{number:04d}" for number in (3, 1, 2, 1, 3)]
    found = rows_of(pa.array(names))
    assert isinstance(found, ContentRows)
    assert dict(found) == expected(names)


@pytest.mark.usefixtures("small_is_large")
def test_a_slice_of_an_array_and_other_lengths() -> None:
    names = contents(10)
    assert dict(rows_of(pa.array(names).slice(3, 4))) == expected(names[3:7])
    uneven = [*names, "short"]
    assert rows_of(pa.array(uneven)) == expected(uneven)
    assert rows_of(pa.array([], pa.string())) == {}


def test_a_small_index_is_a_dictionary() -> None:
    assert isinstance(rows_of(pa.array(contents(10))), dict)
