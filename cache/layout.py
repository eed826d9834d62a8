"""The layout of a feature store on disk: a Zarr v3 group whose shards are plain matrices.

A shard holds up to 32,768 frames in uncompressed inner chunks of 256, one after the other. It ends
with the index that the Zarr sharding codec prescribes: the offset and the size of each inner chunk,
and a crc32c. zarr-python and tensorstore read a shard as Zarr, and our reader maps it as a matrix.
Every byte of a store is covered by a checksum or fixed by a rule.
"""

import json
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt

from medusa.atomic import atomic
from medusa.cache.spec import FeatureSpec
from medusa.errors import StoreError
from medusa.foreign import foreign
from medusa.workspace import require_listable

SHARD_FRAMES = 32_768
CHUNK_FRAMES = 256
MOST_SHARDS = 1_000_000  # The files of a store number the shards with six digits.
CHUNKS = SHARD_FRAMES // CHUNK_FRAMES
ABSENT = np.uint64(2**64 - 1)
FOOTER_BYTES = CHUNKS * 16 + 4
# An utterance takes this many bytes of Parquet: its digest and its checksum do not compress.
INDEX_BYTES = 85

SPEC, PROVENANCE, CHECKSUMS, INDEX = "spec.json", "provenance.json", "checksums.json", "index"
ZARR = "zarr.json"
FIXED = (SPEC, PROVENANCE, ZARR)  # these files never change; CHECKSUMS has their checksums


@dataclass(frozen=True)
class StoredArray:
    """One Zarr array of a store: its name, width and dtype on disk."""

    name: str
    width: int
    dtype: str

    @property
    def row_bytes(self) -> int:
        """The bytes of one frame."""
        return self.width * np.dtype(self.dtype).itemsize


def stored_arrays(spec: FeatureSpec) -> list[StoredArray]:
    """Return the arrays on disk: those of the spec, and for int8 the frames' scales of each."""
    arrays = [StoredArray(name, spec.width, spec.dtype) for name in spec.arrays]
    if spec.dtype == "int8":
        arrays += [StoredArray(f"{name}_scale", 1, "float32") for name in spec.arrays]
    return arrays


def store_folders(features: Path, name: str) -> list[Path]:
    """Return the folders of stores in a workspace's `features/` that contain this name, sorted.

    Raises:
        OSError: there is a `features/`, and it cannot be listed.
    """
    require_listable(features)
    return sorted(path.parent for path in features.glob(f"*.zarr/{name}"))


def shard_path(store: Path, array: str, shard: int) -> Path:
    """Return the file in which Zarr expects a shard of a two-dimensional array."""
    return store / array / "c" / str(shard) / "0"


def create(store: Path, spec: FeatureSpec, provenance: dict[str, object]) -> None:
    """Make an empty store, or check that an existing one is of this spec.

    The folder `index` is made last: `medusa verify` finds a store by it, so that a store that is
    being made does not look damaged.

    Raises:
        StoreError: the folder holds features of another spec, or an archive.
    """
    if (store / CHECKSUMS).exists():
        _check_spec(store, spec)
    else:
        _write_fixed(store, spec, provenance)
    (store / INDEX).mkdir(exist_ok=True)


def _check_spec(store: Path, spec: FeatureSpec) -> None:
    """Raise `StoreError` if features of another spec, or an archive, are in the folder."""
    present = read_spec(store)
    if present.digest != spec.digest:
        raise StoreError(
            f"{store}: the folder holds features of spec {present.digest}; expected "
            f"{spec.digest}; use another folder"
        )
    if is_archive(store, spec):
        raise StoreError(
            f"{store}: this is an archive; `medusa cache restore` makes it a store again"
        )


def _write_fixed(store: Path, spec: FeatureSpec, provenance: dict[str, object]) -> None:
    """Write the files that never change; the checksums of the others are written last."""
    for array in stored_arrays(spec):
        (store / array.name).mkdir(parents=True, exist_ok=True)
        write_durably(store / array.name / ZARR, array_metadata(array, 1))
    texts = {
        SPEC: canonical(spec.to_dict()),
        PROVENANCE: canonical(provenance),
        ZARR: canonical({"attributes": {}, "node_type": "group", "zarr_format": 3}),
    }
    for name, text in texts.items():
        write_durably(store / name, text)
    sums = {name: checksum(text) for name, text in texts.items()}
    write_durably(store / CHECKSUMS, canonical(sums))


def read_spec(store: Path) -> FeatureSpec:
    """Return the spec of a store.

    Raises:
        StoreError: the folder has no store, or the store's spec is damaged.
    """
    if not (store / SPEC).exists():
        raise StoreError(f"{store}: the folder has no feature store (no {SPEC})")
    values = read_json(store / SPEC)
    try:
        return FeatureSpec.from_dict(values)
    except StoreError as problem:
        raise StoreError(_damaged(store / SPEC, str(problem))) from problem


def read_json(path: Path) -> Any:
    """Return the values of a JSON file of a store.

    Raises:
        StoreError: the file is missing or damaged.
    """
    with foreign(StoreError, lambda reason: _damaged(path, reason)):
        return json.loads(path.read_bytes())


def _damaged(path: Path, reason: str) -> str:
    return (
        f"{path}: this file is missing or damaged ({reason}); restore it from a copy, or move the "
        "store away and extract again"
    )


def read_provenance(store: Path) -> dict[str, Any]:
    """Return the provenance of a store: the library versions and the like that made its features.

    Raises:
        StoreError: the file is missing or damaged.
    """
    made = read_json(store / PROVENANCE)
    if not isinstance(made, dict):
        raise StoreError(_damaged(store / PROVENANCE, "it is no JSON object"))
    return made


def is_archive(store: Path, spec: FeatureSpec) -> bool:
    """Return whether the shards are compressed, so that only zarr-python can read them."""
    try:
        metadata = read_json(store / spec.arrays[0] / ZARR)
        return len(metadata["codecs"][0]["configuration"]["codecs"]) > 1
    except (StoreError, LookupError, TypeError):
        return False  # the metadata are damaged, which `verify` reports


def shards_of(path: Path) -> int:
    """Return the number of shards that the shape in an array's `zarr.json` covers.

    Raises:
        StoreError: the file is missing or damaged.
    """
    values = read_json(path)
    with foreign(StoreError, lambda reason: _damaged(path, reason)):
        shards, rest = divmod(operator.index(values["shape"][0]), SHARD_FRAMES)
        if rest or not 0 <= shards <= MOST_SHARDS:
            raise ValueError(f"the shape is {values['shape']}")
        return shards


def canonical(value: object) -> bytes:
    """Return the only bytes in which these JSON values are ever written."""
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def array_metadata(array: StoredArray, shards: int) -> bytes:
    """Return the `zarr.json` of an array that covers `shards` shards (Zarr v3 specification)."""
    little = {"configuration": {"endian": "little"}, "name": "bytes"}
    sharding: dict[str, Any] = {
        "chunk_shape": [CHUNK_FRAMES, array.width],
        "codecs": [little if np.dtype(array.dtype).itemsize > 1 else {"name": "bytes"}],
        "index_codecs": [little, {"name": "crc32c"}],
        "index_location": "end",
    }
    grid = {"chunk_shape": [SHARD_FRAMES, array.width]}
    return canonical(
        {
            "attributes": {},
            "chunk_grid": {"configuration": grid, "name": "regular"},
            "chunk_key_encoding": {"configuration": {"separator": "/"}, "name": "default"},
            "codecs": [{"configuration": sharding, "name": "sharding_indexed"}],
            "data_type": array.dtype,
            "fill_value": 0 if array.dtype == "int8" else 0.0,
            "node_type": "array",
            "shape": [shards * SHARD_FRAMES, array.width],
            "storage_transformers": [],
            "zarr_format": 3,
        }
    )


def grow(store: Path, spec: FeatureSpec, shards: int) -> None:
    """Make the arrays' shapes cover `shards` shards, for programs that read the store as Zarr."""
    for array in stored_arrays(spec):
        path = store / array.name / ZARR
        if shards_of(path) < shards:
            write_durably(path, array_metadata(array, shards))


def shard_tail(frames: int, row_bytes: int) -> tuple[bytes, bytes]:
    """Return the zeros and the footer that follow a matrix of `frames` frames in a shard file."""
    padding = bytes(shard_bytes(frames, row_bytes) - FOOTER_BYTES - frames * row_bytes)
    return padding, shard_footer(frames, row_bytes)


def shard_bytes(frames: int, row_bytes: int) -> int:
    """Return the size of a shard file of `frames` frames."""
    return -(-frames // CHUNK_FRAMES) * CHUNK_FRAMES * row_bytes + FOOTER_BYTES


def shard_footer(frames: int, row_bytes: int) -> bytes:
    """Return the end of a shard file: the place of every inner chunk, and a checksum."""
    return _footer(-(-frames // CHUNK_FRAMES), row_bytes)


@lru_cache(maxsize=4 * CHUNKS)
def _footer(used: int, row_bytes: int) -> bytes:
    """Return the footer of a shard with this number of inner chunks."""
    index = np.full((CHUNKS, 2), ABSENT, "<u8")
    index[:used, 0] = np.arange(used) * CHUNK_FRAMES * row_bytes
    index[:used, 1] = CHUNK_FRAMES * row_bytes
    entries = index.tobytes()
    return entries + checksum(entries).to_bytes(4, "little")


def store_bytes(spec: FeatureSpec, lengths: Iterable[int]) -> dict[str, int]:
    """Return the bytes of each array, and of the `index`, for utterances of these lengths.

    Args:
        spec: the spec of the store.
        lengths: the number of frames of every utterance, in the order of writing.
    """
    used, count = [0], 0
    for length in lengths:
        if used[-1] + length > SHARD_FRAMES:
            used.append(0)
        used[-1] += length
        count += 1
    chunks = sum(-(-frames // CHUNK_FRAMES) for frames in used if frames)
    footers = sum(1 for frames in used if frames) * FOOTER_BYTES
    sizes = {
        array.name: chunks * CHUNK_FRAMES * array.row_bytes + footers
        for array in stored_arrays(spec)
    }
    return sizes | {"index": count * INDEX_BYTES}


def checksum(data: bytes | npt.NDArray[np.generic]) -> int:
    """Return the crc32c of some bytes, or of the bytes of an array."""
    whole = data if isinstance(data, bytes) else np.ascontiguousarray(data)
    return int(google_crc32c.value(whole))


def write_durably(path: Path, *parts: bytes | npt.NDArray[np.generic]) -> None:
    """Write a file so that it is whole or absent after a crash or a power cut."""
    with atomic(path, durable=True) as partial, partial.open("wb") as file:
        for part in parts:
            file.write(part)  # type: ignore[arg-type]  # a C-contiguous array is a buffer
