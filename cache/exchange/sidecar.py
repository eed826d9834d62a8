"""The two files in an exported folder from which an import makes the same store again."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from medusa.cache.exchange.output import SIDECAR
from medusa.cache.exchange.raw import Group, Header, Rows, batches
from medusa.cache.exchange.seal import SEALED, seal, seal_header, unseal, unseal_header
from medusa.cache.layout import canonical, write_durably
from medusa.cache.quantise import CHANNELS
from medusa.errors import StoreError
from medusa.strict import quoted
from medusa.workspace import is_file_name

TABLE = "features.parquet"
COLUMNS = SEALED.append(pa.field("file", pa.string()))


# A function that adds the records of some utterances, and the name of the file that holds each.
Add = Callable[[pa.Table, Sequence[str]], None]


@contextmanager
def sidecar(folder: Path, header: Header) -> Iterator[Add]:
    """Make a folder with `features.json`, and yield a function that fills `features.parquet`."""
    folder.mkdir()
    write_durably(folder / SIDECAR, canonical(seal_header(header.to_dict())))
    if header.channels is not None:
        write_durably(folder / CHANNELS, header.channels)
    with pq.ParquetWriter(folder / TABLE, COLUMNS) as writer:

        def add(records: pa.Table, files: Sequence[str]) -> None:
            column = pa.array(files, pa.string())
            writer.write_table(seal(records).append_column(COLUMNS.field("file"), column))

        yield add


def read_header(folder: Path) -> Header:
    """Return the header of an exported folder."""
    channels = folder / CHANNELS
    scales = channels.read_bytes() if channels.exists() else None
    values = unseal_header(json.loads((folder / SIDECAR).read_bytes()))
    return Header.from_dict(values, scales)


def read_groups(
    folder: Path, header: Header, read: Callable[[pa.Table], Iterable[list[Rows]]]
) -> Iterator[Group]:
    """Yield the utterances of an exported folder.

    Args:
        folder: the folder.
        header: its header.
        read: reads the frames of every stored array, for each utterance of some records, which
            have the column `file`.
    """
    table = pq.read_table(folder / TABLE, schema=COLUMNS)
    for file in table["file"].unique().to_pylist():
        if not is_file_name(file):
            raise StoreError(f"{folder / TABLE}: {quoted(file)} is no file in {folder}")
    for part in batches(table["length"].to_numpy(), header):
        records = table.slice(part.start, part.stop - part.start)
        columns = zip(*read(records), strict=True)
        yield Group(unseal(records), [np.concatenate(column) for column in columns])
