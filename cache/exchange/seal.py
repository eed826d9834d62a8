"""Checksums of what describes the frames, for formats that have none of their own."""

import json
from typing import Any

import google_crc32c
import pyarrow as pa

from medusa.cache.exchange.raw import RECORDS
from medusa.cache.layout import canonical
from medusa.errors import StoreError, listed

SEAL = "seal"
SEALED = RECORDS.append(pa.field(SEAL, pa.uint32()))


def seal(records: pa.Table) -> pa.Table:
    """Return records with a column `seal`: the crc32c of everything else in the row."""
    return records.append_column(SEALED.field(SEAL), pa.array(_seals(records), pa.uint32()))


def unseal(records: pa.Table) -> pa.Table:
    """Undo `seal`.

    Raises:
        StoreError: a row is not what was sealed.
    """
    plain = records.select(RECORDS.names).cast(RECORDS)
    pairs = zip(_seals(plain), records[SEAL].to_pylist(), strict=True)
    wrong = [row for row, (computed, stored) in enumerate(pairs) if computed != stored]
    if wrong:
        contents = plain["content"].take(wrong).to_pylist()
        raise StoreError(f"the records of utterance {listed(contents)} are damaged")
    return plain


def seal_header(values: dict[str, Any]) -> dict[str, Any]:
    """Return JSON values with the crc32c of their canonical form."""
    return values | {SEAL: int(google_crc32c.value(canonical(values)))}


def unseal_header(values: dict[str, Any]) -> dict[str, Any]:
    """Undo `seal_header`.

    Raises:
        StoreError: they are not what was sealed.
    """
    plain = {key: value for key, value in values.items() if key != SEAL}
    if values.get(SEAL) != int(google_crc32c.value(canonical(plain))):
        raise StoreError("the description of the features (spec, provenance) is damaged")
    return plain


def _seals(records: pa.Table) -> list[int]:
    rows = records.select(RECORDS.names).to_pylist()
    return [int(google_crc32c.value(json.dumps(row, sort_keys=True).encode())) for row in rows]
