"""Joining stores of one spec that were made on several machines."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from medusa.cache.exchange.output import fresh
from medusa.cache.exchange.raw import (
    Group,
    Header,
    Numbers,
    first_commits,
    header_of,
    open_plain,
    stored,
)
from medusa.cache.exchange.shards import fill
from medusa.cache.spec import FeatureSpec
from medusa.cache.store import FeatureStore
from medusa.console import progress
from medusa.errors import StoreError


@dataclass(frozen=True)
class Merged:
    """What came out.

    Attributes:
        path: the store.
        utterances: how many it has.
        doubles: utterances that more than one store had; the first store's is kept.
        different: doubles whose numbers were not the same bit for bit (another machine rounds
            differently; more than rounding is for `medusa cache verify --recompute` to find).
    """

    path: Path
    utterances: int
    doubles: int
    different: int


def merge(paths: Sequence[Path], features: Path, into: Path | None, force: bool = False) -> Merged:
    """Write a store with the utterances of several.

    Args:
        paths: stores of one spec; of an utterance in several, the first one's is taken.
        features: the workspace's folder of stores.
        into: the store to make; by default the one that the spec names, in `features`.
        force: replace it if it is there.

    Raises:
        StoreError: the specs differ.
        StoreError: int8 stores with different channel scales.
        MedusaError: a store is damaged, or `into` is there already.
    """
    stores = [open_plain(path) for path in paths]
    _same_spec(stores)
    chosen, doubles, different = _choose(stores)
    headers = [header_of(store, rows) for store, rows in zip(stores, chosen, strict=True)]
    _same_channels(stores, headers)
    header = replace(
        headers[0],
        provenance=_provenance(headers),
        utterances=sum(header.utterances for header in headers),
        frames=sum(header.frames for header in headers),
    )
    into = into or features / header.spec.folder
    with fresh(into, force) as new:
        fill(new, header, _all(stores, chosen, header.utterances))
    return Merged(into, header.utterances, doubles, different)


def _all(stores: Sequence[FeatureStore], chosen: Sequence[Numbers], total: int) -> Iterator[Group]:
    with progress("merge", total) as advance:
        for store, rows in zip(stores, chosen, strict=True):
            for group in stored(store, rows):
                yield group
                advance(len(group.records), store.path.name)


def _same_spec(stores: Sequence[FeatureStore]) -> None:
    """Every field but the label `backbone` must be the same."""
    first = stores[0]
    names = [field.name for field in fields(FeatureSpec) if field.name != "backbone"]
    problems = [
        f"{other.path}: {name} is {getattr(other.spec, name)!r}; "
        f"{first.path} has {getattr(first.spec, name)!r}"
        for other in stores[1:]
        for name in names
        if getattr(other.spec, name) != getattr(first.spec, name)
    ]
    if problems:
        raise StoreError("\n  ".join(["only stores of one spec can be merged:", *problems]))


def _same_channels(stores: Sequence[FeatureStore], headers: Sequence[Header]) -> None:
    for store, header in zip(stores, headers, strict=True):
        if header.channels != headers[0].channels:
            raise StoreError(
                f"{store.path}: its int8 values are in other channel scales than those of "
                f"{stores[0].path} (each machine took its own): joining them would round once "
                "more; extract on one machine, on one shared disk, or as float16"
            )


def _choose(stores: Sequence[FeatureStore]) -> tuple[list[Numbers], int, int]:
    """Return the rows to take of each store, and how many doubles there are and how many differ."""
    kept: dict[str, list[int]] = {}  # content -> checksums
    chosen, doubles, different = [], 0, 0
    for store in stores:
        rows = first_commits(store)
        contents = store.index.table["content"].take(rows).to_pylist()
        checksums = store.index.crc32c()[rows].tolist()
        new = np.array([content not in kept for content in contents])
        for content, sums in zip(contents, checksums, strict=True):
            different += kept.setdefault(content, sums) != sums
        doubles += int((~new).sum())
        chosen.append(rows[new])
    return chosen, doubles, different


def _provenance(headers: Sequence[Header]) -> dict[str, object]:
    """Return the provenance all have, or all of them."""
    found = {json.dumps(header.provenance, sort_keys=True): header.provenance for header in headers}
    return headers[0].provenance if len(found) == 1 else {"merged": list(found.values())}
