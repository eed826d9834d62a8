"""Writers killed at any moment: what was committed stays, and the rest is written by the next."""

import multiprocessing
import time

import numpy as np

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter
from medusa.cache.verify import verify

SPEC = FeatureSpec(
    "toy", "toy", "local", "1", "audio", (1,), "none", "float32", 64, 0.02, preprocessing={}
)
UTTERANCES = 400


def values(number: int) -> np.ndarray:
    rng = np.random.default_rng(number)
    return rng.normal(size=(1, rng.integers(1, 200), SPEC.width)).astype(np.float32)


def write_all(path, order) -> None:
    with StoreWriter(path, SPEC) as writer:
        for number in order:
            if writer.missing([str(number)]):
                writer.append(str(number), values(number))
                if number % 7 == 0:
                    writer.commit()


def test_killed_writers_lose_and_double_nothing(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "store"
    spawn = multiprocessing.get_context("fork")
    committed: set[str] = set()
    for _ in range(8):
        orders = [rng.permutation(UTTERANCES).tolist() for _ in range(2)]
        writers = [spawn.Process(target=write_all, args=(path, order)) for order in orders]
        for writer in writers:
            writer.start()
        time.sleep(rng.uniform(0.02, 0.4))
        for writer in writers:
            writer.kill()
            writer.join()
        if (path / "spec.json").exists():
            now = FeatureStore.open(path)
            assert verify(path) == []
            assert committed <= set(now.index.rows)
            committed = set(now.index.rows)
    write_all(path, range(UTTERANCES))
    store = FeatureStore.open(path)
    assert set(store.index.rows) == {str(number) for number in range(UTTERANCES)}
    packed = store.read([str(number) for number in range(UTTERANCES)])
    expected = np.concatenate([values(number)[0] for number in range(UTTERANCES)])
    assert np.array_equal(packed.values.numpy(), expected)
