"""One Arrow IPC file with a row per utterance, which can be read through a memory map.

Its columns are content, length, crc32c, flags, error, seal (the crc32c of these five), and every
array as a list of rows of fixed size. The header is JSON in the schema's metadata
(`medusa.header`), and so are the channel scales of int8 features (`medusa.channels`).
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from medusa.cache.exchange.raw import Group, Header, Rows
from medusa.cache.exchange.seal import SEALED, seal, seal_header, unseal, unseal_header
from medusa.cache.layout import StoredArray

HEADER, CHANNELS = b"medusa.header", b"medusa.channels"


def write(out: Path, header: Header, groups: Iterable[Group]) -> None:
    """Write the file, one record batch per group of utterances."""
    metadata = {HEADER: json.dumps(seal_header(header.to_dict())).encode()}
    if header.channels is not None:
        metadata[CHANNELS] = header.channels
    fields = [*SEALED, *(pa.field(array.name, _type(array)) for array in header.arrays)]
    schema = pa.schema(fields, metadata)
    with pa.OSFile(str(out), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for group in groups:
            offsets = pa.array(group.offsets.astype(np.int32))
            records = seal(group.records)
            columns = [records[name].combine_chunks() for name in SEALED.names]
            for array, rows in zip(header.arrays, group.arrays, strict=True):
                columns.append(pa.ListArray.from_arrays(offsets, _matrix(array, rows)))
            writer.write_batch(pa.record_batch(columns, schema=schema))


def read_header(path: Path) -> Header:
    """Return the header of a file."""
    with pa.OSFile(str(path), "rb") as source:
        metadata = pa.ipc.open_file(source).schema.metadata
    values = unseal_header(json.loads(metadata[HEADER]))
    return Header.from_dict(values, metadata.get(CHANNELS))


def read(path: Path, header: Header) -> Iterator[Group]:
    """Yield the utterances of a file, one record batch at a time."""
    with pa.OSFile(str(path), "rb") as source:
        file = pa.ipc.open_file(source)
        for number in range(file.num_record_batches):
            batch = file.get_batch(number)
            batch.validate(full=True)  # following damaged offsets would read other memory
            records = pa.table(batch.select(SEALED.names))
            yield Group(unseal(records), [_rows(batch, array) for array in header.arrays])


def _type(array: StoredArray) -> pa.DataType:
    """Return the type of the column of an array."""
    return pa.list_(pa.list_(VALUES[array.dtype], array.width))


def _matrix(array: StoredArray, rows: Rows) -> pa.Array:
    """Return (N, D) as an Arrow array of N lists of D, without copying."""
    flat = np.ascontiguousarray(rows).reshape(-1)
    values = pa.Array.from_buffers(VALUES[array.dtype], len(flat), [None, pa.py_buffer(flat)])
    return pa.FixedSizeListArray.from_arrays(values, array.width)


def _rows(batch: pa.RecordBatch, array: StoredArray) -> Rows:
    """Return the frames (N, D) of a record batch."""
    column = batch.column(array.name)
    if column.type != _type(array):
        raise ValueError(f"column {array.name} is {column.type}; expected {_type(array)}")
    values: Rows = column.values.values.to_numpy(zero_copy_only=True)
    return values.reshape(-1, array.width)


VALUES = {"float16": pa.float16(), "float32": pa.float32(), "int8": pa.int8()}
