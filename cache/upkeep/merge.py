"""Joining stores of one spec that several machines made."""

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
    """The result of a merge.

    Attributes:
        path: the new store.
        utterances: the number of its utterances.
        doubles: the number of utterances that several stores had; the first store's are kept.
        different: the number of doubles whose values differ in some bit. Another machine rounds
            differently; `medusa cache verify --recompute` finds larger differences.
    """

    path: Path
    utterances: int
    doubles: int
    different: int


def merge(paths: Sequence[Path], features: Path, into: Path | None, force: bool = False) -> Merged:
    """Write a store with the utterances of several stores.

    Args:
        paths: stores of one spec; an utterance is taken from the first store that has it.
        features: the workspace's folder of stores.
        into: the store to make; by default the one that the spec names, in `features`.
        force: whether to replace the store if it exists.

    Raises:
        StoreError: the specs differ, or int8 stores have different channel scales.
        MedusaError: a store is damaged, or `into` exists.
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
    """Yield the chosen rows of every store, and show the progress."""
    with progress("merge", total) as advance:
        for store, rows in zip(stores, chosen, strict=True):
            for group in stored(store, rows):
                yield group
                advance(len(group.records), store.path.name)


def _same_spec(stores: Sequence[FeatureStore]) -> None:
    """Raise an error if any field but the label `backbone` differs."""
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
        raise StoreError(
            "\n  ".join(["only stores of one spec can be merged; these fields differ:", *problems])
        )


def _same_channels(stores: Sequence[FeatureStore], headers: Sequence[Header]) -> None:
    """Raise an error if the channel scales of int8 stores differ."""
    for store, header in zip(stores, headers, strict=True):
        if header.channels != headers[0].channels:
            raise StoreError(
                f"{store.path}: its int8 values have other channel scales than those of "
                f"{stores[0].path}, since each machine measured its own; joining them would round "
                "again; extract on one machine, on one shared disk, or as float16"
            )


def _choose(stores: Sequence[FeatureStore]) -> tuple[list[Numbers], int, int]:
    """Return each store's rows to take, the number of doubles, and how many of them differ."""
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
    """Return the provenance that all stores share, or the list of all different ones."""
    found = {json.dumps(header.provenance, sort_keys=True): header.provenance for header in headers}
    return headers[0].provenance if len(found) == 1 else {"merged": list(found.values())}
