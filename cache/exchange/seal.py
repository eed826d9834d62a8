"""Checksums of records and headers, for formats that have none of their own."""

import json
from typing import Any

import pyarrow as pa

from medusa.cache.exchange.raw import RECORDS
from medusa.cache.layout import canonical, checksum
from medusa.errors import StoreError, listed

SEAL = "seal"
SEALED = RECORDS.append(pa.field(SEAL, pa.uint32()))


def seal(records: pa.Table) -> pa.Table:
    """Return records with a column `seal`, the crc32c of all other values in the row."""
    return records.append_column(SEALED.field(SEAL), pa.array(_seals(records), pa.uint32()))


def unseal(records: pa.Table) -> pa.Table:
    """Return the records without their seal, after comparing them with it.

    Raises:
        StoreError: a row differs from its seal.
    """
    plain = records.select(RECORDS.names).cast(RECORDS)
    pairs = zip(_seals(plain), records[SEAL].to_pylist(), strict=True)
    wrong = [row for row, (computed, stored) in enumerate(pairs) if computed != stored]
    if wrong:
        contents = plain["content"].take(wrong).to_pylist()
        raise StoreError(f"the records of utterance {listed(contents)} are damaged")
    return plain


def seal_header(values: dict[str, Any]) -> dict[str, Any]:
    """Return JSON values with a key `seal`, the crc32c of their canonical form."""
    return values | {SEAL: checksum(canonical(values))}


def unseal_header(values: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON values without their seal, after comparing them with it.

    Raises:
        StoreError: they differ from their seal.
    """
    plain = {key: value for key, value in values.items() if key != SEAL}
    if values.get(SEAL) != checksum(canonical(plain)):
        raise StoreError("the description of the features (spec, provenance) is damaged")
    return plain


def _seals(records: pa.Table) -> list[int]:
    """Return the crc32c of every row."""
    rows = records.select(RECORDS.names).to_pylist()
    return [checksum(json.dumps(row, sort_keys=True).encode()) for row in rows]
