"""A folder with one .npy file per utterance, (frames, width), the layout of the published code.

The file is `<name>.npy`, or `<array>/<name>.npy` if there are several arrays. The name is the
content or the id of the utterance. An import needs `features.json` and `features.parquet`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from safetensors.numpy import load

from medusa.cache.exchange import sidecar
from medusa.cache.exchange.raw import Group, Header, Rows, table_of
from medusa.cache.exchange.sidecar import read_header as read_header  # all folders share it
from medusa.cache.index import Record
from medusa.cache.layout import checksum
from medusa.cache.quantise import dequantise

Names = Mapping[str, Sequence[str]]


def write(out: Path, header: Header, groups: Iterable[Group], names: Names | None = None) -> None:
    """Write the folder; int8 features become the float32 numbers that they stand for.

    Args:
        out: the folder.
        header, groups: the features to write.
        names: content -> the names of its files; by default the content is the name.
    """
    plain = widened(header)
    arrays = [array.name for array in plain.arrays]
    with sidecar.sidecar(out, plain) as add:
        for name in arrays if len(arrays) > 1 else []:
            (out / name).mkdir()
        for group in widen(header, groups):
            records: list[Record] = []
            files: list[str] = []
            for record, rows in group.each():
                for name in names[record.content] if names else [record.content]:
                    records.append(record)
                    files.append(file_name(name))
                    for path, values in zip(_paths(out, arrays, files[-1]), rows, strict=True):
                        np.save(path, values)
            add(table_of(records), files)


def read(path: Path, header: Header) -> Iterator[Group]:
    """Return the utterances of a folder, one group after the other."""
    arrays = [array.name for array in header.arrays]

    def frames(records: pa.Table) -> Iterator[list[Rows]]:
        for file in records["file"].to_pylist():
            yield [np.load(part, allow_pickle=False) for part in _paths(path, arrays, file)]

    return sidecar.read_groups(path, header, frames)


def file_name(name: str) -> str:
    """Return a file name for an utterance that is valid on every disk and unique."""
    escaped = "".join(f"%{ord(sign):02X}" if sign in '%/\\:*?"<>|\0' else sign for sign in name)
    return f"%2E{escaped[1:]}.npy" if escaped.startswith(".") else f"{escaped}.npy"


def widened(header: Header) -> Header:
    """Return the header of dequantised features, which has another spec, as the numbers differ."""
    if header.channels is None:
        return header
    preprocessing = header.spec.preprocessing | {"dequantised_from": "int8"}
    spec = replace(header.spec, dtype="float32", preprocessing=preprocessing)
    return replace(header, spec=spec, channels=None)


def widen(header: Header, groups: Iterable[Group]) -> Iterator[Group]:
    """Yield groups of int8 features as float32, and other groups unchanged."""
    if header.channels is None:
        yield from groups
        return
    names, channels = header.spec.arrays, load(header.channels)
    for group in groups:
        parts = zip(group.arrays[: len(names)], group.arrays[len(names) :], names, strict=True)
        wide = [dequantise(values, scales, channels[name]) for values, scales, name in parts]  # type: ignore[arg-type]
        plain = Group(group.records, list(wide))
        records = [replace(r, crc32c=[*map(checksum, rows)]) for r, rows in plain.each()]
        yield Group(table_of(records), plain.arrays)


def _paths(folder: Path, arrays: Sequence[str], file: str) -> list[Path]:
    """Return the path of an utterance's file for every array."""
    return [folder / name / file for name in arrays] if len(arrays) > 1 else [folder / file]
