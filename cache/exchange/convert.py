"""Export and import of whole stores, bit for bit, in memory that does not grow with the store."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from medusa.cache.exchange import FORMATS as FORMATS
from medusa.cache.exchange import npy
from medusa.cache.exchange.npy import Names
from medusa.cache.exchange.output import SIDECAR, fresh
from medusa.cache.exchange.raw import (
    Group,
    Header,
    check,
    first_commits,
    header_of,
    open_plain,
    stored,
)
from medusa.cache.exchange.shards import fill
from medusa.console import progress, say
from medusa.errors import StoreError
from medusa.foreign import foreign


class Exchange(Protocol):
    """The functions of a format's module."""

    def write(self, out: Path, header: Header, groups: Iterable[Group]) -> None: ...
    def read_header(self, path: Path) -> Header: ...
    def read(self, path: Path, header: Header) -> Iterator[Group]: ...


def exchange(form: str) -> Exchange:
    """Import the module of a format, and with it the library that only this format needs."""
    return cast(Exchange, import_module(f"medusa.cache.exchange.{form}"))


def export(
    path: Path, out: Path, form: str, force: bool = False, names: Names | None = None
) -> Header:
    """Write a store in another format.

    Args:
        path: the store.
        out: the file (hdf5, arrow) or folder (npy, safetensors) to make.
        form: one of `FORMATS`.
        force: whether to replace `out` if it exists.
        names: for npy, content -> names of its files; only these utterances are written.

    Returns:
        The header of the export.

    Raises:
        MedusaError: the store is damaged, `out` exists, or the disk is full.
    """
    store = open_plain(path)
    rows = first_commits(store)
    if names is not None:
        contents = store.index.table["content"].to_pylist()
        rows = rows[[contents[row] in names for row in rows]]
    header = header_of(store, rows)
    if form == "npy" and store.spec.dtype == "int8":
        say(
            "npy cannot hold int8 features: they are written as float32 numbers, with another spec;"
        )
        say("for a bit-equal copy use hdf5, safetensors or arrow")
    write = exchange(form).write if names is None else partial(npy.write, names=names)
    with fresh(out, force) as new:
        write(new, header, counted(f"export {path.name}", header, stored(store, rows)))
    return header


def import_(path: Path, features: Path, into: Path | None = None, force: bool = False) -> Path:
    """Make a store of an export, whose format is recognised.

    Args:
        path: the file or folder.
        features: the workspace's folder of stores.
        into: the store to make; by default the one that the spec names, in `features`.
        force: whether to replace the store if it exists.

    Returns:
        The path of the store.

    Raises:
        MedusaError: `path` is no such export, is damaged or incomplete, or the store exists.
    """
    form = format_of(path)
    with readable(path, form):
        header = exchange(form).read_header(path)
    into = into or features / header.spec.folder
    groups = checked(path, form, header)
    with fresh(into, force) as new:
        count = fill(new, header, counted(f"import {path.name}", header, groups))
        if count != header.utterances:
            raise StoreError(
                f"{path}: it has {count} utterances; expected {header.utterances}; export the "
                "store again"
            )
    return into


def format_of(path: Path) -> str:
    """Return the format of an export, from the first bytes of a file or the files in a folder.

    Raises:
        StoreError: the path does not exist, or is no export.
    """
    if not path.exists():
        raise StoreError(f"{path}: there is no such file or folder")
    if (path / SIDECAR).exists():
        return "safetensors" if any(path.glob("features-*.safetensors")) else "npy"
    if path.is_file():
        with path.open("rb") as file:
            form = MAGIC.get(file.read(6))
        if form is not None:
            return form
    raise StoreError(
        f"{path}: this is no export of `medusa cache export`; `medusa cache import-npy` makes a "
        "store of other .npy files"
    )


def checked(path: Path, form: str, header: Header) -> Iterator[Group]:
    """Yield the utterances of an export after comparing them with their checksums."""
    with readable(path, form):
        for group in exchange(form).read(path, header):
            yield check(header, group, str(path))


def counted(label: str, header: Header, groups: Iterable[Group]) -> Iterator[Group]:
    """Yield groups, and show the number of their utterances as progress."""
    with progress(label, header.utterances) as advance:
        for group in groups:
            yield group
            advance(len(group.records))


@contextmanager
def readable(path: Path, form: str) -> Iterator[None]:
    """Turn the errors of libraries about an unreadable file into one message.

    Raises:
        StoreError: a library cannot read the file.
    """
    sentence = f"{path}: this is no whole {form} export of `medusa cache export`"
    with foreign(StoreError, lambda reason: f"{sentence} ({reason}); export the store again"):
        yield


MAGIC = {b"\x89HDF\r\n": "hdf5", b"ARROW1": "arrow"}
