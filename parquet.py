"""Parquet files that carry a seal: they are written as a whole, and checked when they are read."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from medusa.seal import OPEN, read_sealed, write_sealed

KEY = "medusa.seal"


def write_parquet(
    path: Path, table: pa.Table, metadata: dict[str, str], compression: str = "zstd"
) -> None:
    """Write a table with these metadata, and a checksum of the whole file among them.

    The file survives a power cut. Its folder must exist.
    """
    sink = pa.BufferOutputStream()
    sealed = table.replace_schema_metadata(metadata | {KEY: OPEN})
    pq.write_table(sealed, sink, compression=compression)
    write_sealed(path, sink.getvalue().to_pybytes())


def read_parquet(path: Path) -> pa.Table:
    """Read a whole table.

    Raises:
        ValueError: the file is no Parquet file, or it differs from its checksum.
    """
    return pq.read_table(pa.BufferReader(read_sealed(path)))
