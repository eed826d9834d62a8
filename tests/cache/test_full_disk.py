"""A disk that fills up: nothing committed is lost, nothing half-written stays."""

import errno

import numpy as np
import pytest

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter, writer
from medusa.cache.verify import verify
from medusa.errors import MedusaError

SPEC = FeatureSpec("toy", "toy", "local", "1", "audio", (1,), "none", "float16", 4, 0.02, {})


@pytest.mark.parametrize("failing", [0, 1])  # the shard, or the footer of a later one
def test_survives_and_continues(tmp_path, monkeypatch, failing):
    values = np.ones((1, 20, 4), np.float32)
    with StoreWriter(tmp_path / "s", SPEC) as store:
        store.append("a", values)
    write = writer.write_durably
    calls = iter(range(9))

    def full(path, *parts):
        if next(calls) >= failing:
            (path.parent / f".{path.name}.1.partial").touch()
            (path.parent / f".{path.name}.1.partial").unlink()
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, *parts)

    monkeypatch.setattr(writer, "write_durably", full)
    monkeypatch.setattr("medusa.cache.index.write_durably", full)
    message = r"the disk is full.*earlier ones are safe"
    with pytest.raises(MedusaError, match=message), StoreWriter(tmp_path / "s", SPEC) as store:
        store.append("b", values)
        store.append("c", values)
    monkeypatch.undo()
    assert list(FeatureStore.open(tmp_path / "s").index.rows) == ["a"]
    assert verify(tmp_path / "s") == []
    with StoreWriter(tmp_path / "s", SPEC) as store:
        assert store.missing(["a", "b", "c"]) == ["b", "c"]
        for name in ("b", "c"):
            store.append(name, values)
    assert len(FeatureStore.open(tmp_path / "s").read(["c", "b", "a"]).values) == 60
    assert verify(tmp_path / "s") == []
