"""The size of a store, estimated before any feature is computed."""

from collections.abc import Iterable

from medusa.cache.layout import CHUNK_FRAMES, FOOTER_BYTES, SHARD_FRAMES, stored_arrays
from medusa.cache.spec import FeatureSpec

# An utterance takes this many bytes of Parquet: its digest and its checksum do not compress.
INDEX_BYTES = 85


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
