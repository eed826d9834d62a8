"""The costs of a large corpus beside its bytes: the index, the requests to a bucket, the units."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from medusa.bucket_path import PART_BYTES
from medusa.cache.buckets.blocks import BLOCK_BYTES
from medusa.cache.layout import SHARD_FRAMES
from medusa.extract.planning.estimate import Estimate

# `benchmarks/ten_million.py` measured these for each utterance, on one core.
INDEX_MEMORY_BYTES, INDEX_OPEN_S = 160, 1e-6
AROUND_A_SHARD = 4  # requests: its number is reserved, the upload begins and ends, its record


@dataclass(frozen=True)
class CostsAtScale:
    """The costs of the stores of some backbones.

    Attributes:
        index_memory_bytes, index_open_s: the memory and the seconds of opening all stores.
        requests_to_write: the requests that upload the stores into a bucket.
        requests_to_read: at most so many requests of a first epoch, without local copies.
        terabyte_months: the terabytes, each for one month.
        device_hours: the hours of extraction on one device.
    """

    index_memory_bytes: int
    index_open_s: float
    requests_to_write: int
    requests_to_read: int
    terabyte_months: float
    device_hours: float

    def sentences(self) -> list[str]:
        """Return the costs in plain words."""
        return [
            f"index: {self.index_memory_bytes / 1e9:.2f} GB of memory, opens in about "
            f"{self.index_open_s:.1f} s",
            f"in a bucket: {self.requests_to_write:,} requests to write, at most "
            f"{self.requests_to_read:,} for a first epoch",
            f"units: {self.device_hours:.3g} device hours, {self.terabyte_months:.3g} TB-months "
            "for each month",
        ]


def scale_of(plans: Sequence[Estimate], utterances: int, device_hours: float) -> CostsAtScale:
    """Return the costs of some stores.

    Args:
        plans: the estimates of the stores.
        utterances: the number of utterances of each.
        device_hours: the hours of all extractions on one device.
    """
    stored = sum(one.bytes for one in plans)
    arrays = [size for one in plans for name, size in one.sizes.items() if name != "index"]
    shards = sum(ceil(one.frames / SHARD_FRAMES) * (len(one.sizes) - 1) for one in plans)
    return CostsAtScale(
        index_memory_bytes=INDEX_MEMORY_BYTES * utterances * len(plans),
        index_open_s=INDEX_OPEN_S * utterances * len(plans),
        requests_to_write=sum(ceil(size / PART_BYTES) for size in arrays) + AROUND_A_SHARD * shards,
        requests_to_read=sum(ceil(size / BLOCK_BYTES) for size in arrays) + shards,
        terabyte_months=stored / 1e12,
        device_hours=device_hours,
    )
