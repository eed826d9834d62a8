"""Writers killed at any moment: what was committed stays, and the rest is written by the next.

`MEDUSA_LONG_TESTS=1` makes it 210 kills instead of 24.
"""

import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest

import medusa
from medusa.cache import FeatureSpec, FeatureStore, StoreWriter, layout
from medusa.cache.joined import open_all
from medusa.cache.verify import verify
from medusa.workspace import Workspace

ROUNDS = 70 if os.environ.get("MEDUSA_LONG_TESTS") else 8
WRITERS = 3
A_ROUND = 100  # utterances that become available each round, so that there is always work
SPEC = FeatureSpec(
    "toy", "toy", "local", "1", "audio", (1,), "none", "float32", 64, 0.02, preprocessing={}
)


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
    context = multiprocessing.get_context("fork")
    committed: set[str] = set()
    killed = 0
    for turn in range(ROUNDS):
        orders = [rng.permutation((turn + 1) * A_ROUND).tolist() for _ in range(WRITERS)]
        writers = [context.Process(target=write_all, args=(path, order)) for order in orders]
        for writer in writers:
            writer.start()
        time.sleep(rng.uniform(0.02, 0.15))
        for writer in writers:
            killed += writer.is_alive()
            writer.kill()
            writer.join()
        if (path / "checksums.json").exists():
            assert verify(path) == []
            now = set(FeatureStore.open(path).index.rows)
            assert committed <= now
            committed = now
    assert killed > ROUNDS  # of three times as many: most were at work when the kill came
    assert 0 < len(committed) < ROUNDS * A_ROUND
    write_all(path, range(ROUNDS * A_ROUND))
    names = [str(number) for number in range(ROUNDS * A_ROUND)]
    store = FeatureStore.open(path)
    assert sorted(store.index.rows) == sorted(names)
    expected = np.concatenate([values(int(name))[0] for name in names])
    assert np.array_equal(store.read(names).values.numpy(), expected)
    assert verify(path) == []


@pytest.mark.parametrize("killed_at", range(5))
def test_a_store_that_is_being_made_is_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    """Another process looks before each file is written, and the writer is killed at one."""
    workspace, written, really = Workspace.open(tmp_path), list[Path](), layout.write_durably
    store = tmp_path / "features" / "wavlm.zarr"

    def write(path: Path, data: bytes) -> None:
        assert not [one for one in medusa.verify(workspace) if one.state == "damaged"]
        assert open_all(workspace.features) == []
        if len(written) == killed_at:
            raise KeyboardInterrupt
        written.append(path)
        really(path, data)

    monkeypatch.setattr(layout, "write_durably", write)
    with pytest.raises(KeyboardInterrupt):
        layout.create(store, SPEC, {})
    monkeypatch.undo()
    assert not medusa.verify(workspace)
    layout.create(store, SPEC, {})
    assert [str(one.state) for one in medusa.verify(workspace)] == ["ok"]
