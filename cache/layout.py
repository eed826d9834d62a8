"""How a feature store lies on disk: a Zarr v3 group whose shards are plain matrices.

A shard holds up to 32,768 frames in inner chunks of 256, uncompressed, one after the other, and
ends with the index that the Zarr sharding codec prescribes (offset and size of each inner chunk,
then crc32c). zarr-python and tensorstore read it as Zarr; our reader maps it as a matrix.
"""

import json
import os
from pathlib import Path

import google_crc32c
import numpy as np
import numpy.typing as npt

from medusa.cache.spec import FeatureSpec, SpecError

SHARD_FRAMES = 32_768
CHUNK_FRAMES = 256
CHUNKS = SHARD_FRAMES // CHUNK_FRAMES
ABSENT = np.uint64(2**64 - 1)
FOOTER_BYTES = CHUNKS * 16 + 4

SPEC, PROVENANCE, INDEX, MERGED = "spec.json", "provenance.json", "index", "merged.parquet"


def shard_path(store: Path, array: str, shard: int) -> Path:
    """Where Zarr expects shard number `shard` of a two-dimensional array."""
    return store / array / "c" / str(shard) / "0"


def record_path(store: Path, shard: int) -> Path:
    """The Parquet record whose presence commits a shard."""
    return store / INDEX / f"{shard:06d}.parquet"


def create(store: Path, spec: FeatureSpec, provenance: dict[str, object]) -> None:
    """Make an empty store, or check that an existing one is of this spec.

    Raises:
        SpecError: the folder holds features of another spec.
    """
    if (store / SPEC).exists():
        there = read_spec(store)
        if there.digest != spec.digest:
            raise SpecError(
                f"{store}: holds features of spec {there.digest}, not {spec.digest}; "
                "use another folder"
            )
        return
    import zarr

    store.mkdir(parents=True, exist_ok=True)
    (store / INDEX).mkdir(exist_ok=True)
    group = zarr.open_group(store, mode="a", zarr_format=3)
    for name in spec.arrays:
        if name not in group:
            group.create_array(
                name,
                shape=(SHARD_FRAMES, spec.width),
                shards=(SHARD_FRAMES, spec.width),
                chunks=(CHUNK_FRAMES, spec.width),
                dtype=spec.dtype,
                compressors=None,
                filters=None,
                fill_value=0,
            )
    write_durably(store / PROVENANCE, json.dumps(provenance, indent=2).encode())
    write_durably(store / SPEC, json.dumps(spec.to_dict(), indent=2).encode())


def read_spec(store: Path) -> FeatureSpec:
    """Return the spec of a store.

    Raises:
        SpecError: there is no store here, or its spec is damaged.
    """
    try:
        return FeatureSpec.from_dict(json.loads((store / SPEC).read_text(encoding="utf-8")))
    except FileNotFoundError as problem:
        raise SpecError(f"{store}: no feature store here (no {SPEC})") from problem
    except json.JSONDecodeError as problem:
        raise SpecError(f"{store / SPEC}: damaged: {problem}") from problem


def pack_shard(frames: npt.NDArray[np.generic]) -> tuple[bytes, bytes]:
    """Return the padding and the footer that turn (n, D) frames into a shard file."""
    row = frames.shape[1] * frames.itemsize
    used = -(-len(frames) // CHUNK_FRAMES)
    index = np.full((CHUNKS, 2), ABSENT, "<u8")
    index[:used, 0] = np.arange(used) * CHUNK_FRAMES * row
    index[:used, 1] = CHUNK_FRAMES * row
    entries = index.tobytes()
    padding = bytes((used * CHUNK_FRAMES - len(frames)) * row)
    return padding, entries + google_crc32c.value(entries).to_bytes(4, "little")


def is_flat(footer: bytes, row_bytes: int, frames: int) -> bool:
    """Whether the first `frames` rows of a shard are one uninterrupted matrix."""
    entries, checksum = footer[:-4], int.from_bytes(footer[-4:], "little")
    if google_crc32c.value(entries) != checksum:
        return False
    used = -(-frames // CHUNK_FRAMES)
    index = np.frombuffer(entries, "<u8").reshape(CHUNKS, 2)[:used].astype(np.int64)
    expected = np.arange(used) * CHUNK_FRAMES * row_bytes
    return bool((index[:, 0] == expected).all() and (index[:, 1] == CHUNK_FRAMES * row_bytes).all())


def grow(store: Path, spec: FeatureSpec, shards: int) -> None:
    """Let the Zarr arrays' shape cover `shards` shards; never shrink (that would delete data)."""
    import zarr

    for name in spec.arrays:
        array = zarr.open_array(store / name, mode="r+")
        if array.shape[0] < shards * SHARD_FRAMES:
            array.resize((shards * SHARD_FRAMES, spec.width))


def checksum(rows: npt.NDArray[np.generic]) -> int:
    """Return the crc32c of an array's bytes."""
    return int(google_crc32c.value(np.ascontiguousarray(rows)))


def write_durably(path: Path, *parts: bytes | npt.NDArray[np.generic]) -> None:
    """Write a file so that after a crash it is there whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        for part in parts:
            file.write(part)  # type: ignore[arg-type]  # a C-contiguous array is a buffer
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
