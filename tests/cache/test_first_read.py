"""A flipped bit of a feature is noticed at its first read, in every format and layout."""

from pathlib import Path

import numpy as np
import pytest

from medusa.cache import FeatureStore
from medusa.cache.first_reads import FirstReads
from medusa.cache.quantise import CHANNELS
from medusa.errors import StoreError
from medusa.tests.cache.test_damage import make

BOTH = "layer_3+layer_4"


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8"])
@pytest.mark.parametrize("access", ["auto", "map", "pread"])
def test_a_flipped_feature_is_refused_and_the_others_are_read(
    tmp_path: Path, dtype: str, access: str
) -> None:
    names = list(make(tmp_path / "s", dtype))
    whole = FeatureStore.open(tmp_path / "s", access).read(names, BOTH)
    path = tmp_path / "s/layer_4/c/0/0"
    data = bytearray(path.read_bytes())
    data[5] ^= 16
    path.write_bytes(data)
    store = FeatureStore.open(tmp_path / "s", access)
    with pytest.raises(StoreError, match=r"layer_4: utterance u0 in shard 0 differs .*verify"):
        store.read(names, BOTH)
    rest = store.read(names[1:], BOTH)
    skipped = int(whole.lengths[0])
    assert np.array_equal(rest.values.numpy(), whole.values.numpy()[skipped:])


def test_changed_scales_of_channels_are_refused(tmp_path: Path) -> None:
    names = list(make(tmp_path / "s", "int8"))
    path = tmp_path / "s" / CHANNELS
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match="the scales of the channels have changed"):
        FeatureStore.open(tmp_path / "s").read(names, "layer_3")


def test_an_utterance_is_compared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, counted = list(make(tmp_path / "s", "float16")), []
    store = FeatureStore.open(tmp_path / "s")
    monkeypatch.setattr(
        "medusa.cache.first_reads.checksum", lambda values: counted.append(1) or _sum(values)
    )
    for _ in range(3):
        store.read([*names, names[0]], "layer_3")
    assert len(counted) == len(names) and isinstance(store.first_reads, FirstReads)


def _sum(values: np.ndarray) -> int:
    from medusa.cache.layout import checksum

    return checksum(values)
