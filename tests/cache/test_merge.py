"""Stores of one spec become one; the first wins, and what differs is counted or refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medusa.cache import FeatureSpec, FeatureStore, StoreWriter
from medusa.cache.upkeep.merge import merge
from medusa.cache.verify import verify
from medusa.errors import StoreError

SPEC = FeatureSpec(
    "toy", "toy", "local", "1", "audio", (3, 4), "none", "float16", 4, 0.02, preprocessing={}
)


def make(path: Path, numbers, spec=SPEC, bend=0.0, provenance=None) -> None:
    with StoreWriter(path, spec, provenance or {"torch": "2"}) as writer:
        for number in numbers:
            values = np.random.default_rng(number).normal(size=(2, number + 1, 4)) + bend
            writer.append(f"c{number}", values.astype(np.float32))


def test_three_stores_become_one(tmp_path):
    make(tmp_path / "a", range(0, 20))
    make(tmp_path / "b", range(15, 40), bend=0.5)
    make(tmp_path / "c", range(38, 50), provenance={"torch": "3"})
    done = merge([tmp_path / name for name in "abc"], tmp_path / "f", None)
    assert done.path == tmp_path / "f" / SPEC.folder
    assert (done.utterances, done.doubles, done.different) == (50, 7, 7)
    store = FeatureStore.open(done.path)
    assert verify(done.path) == []
    for number in range(50):  # the first store wins
        source = "a" if number < 20 else "b" if number < 40 else "c"
        there = FeatureStore.open(tmp_path / source)
        for name in SPEC.arrays:
            assert store.read([f"c{number}"], name).values.equal(
                there.read([f"c{number}"], name).values
            )
    provenance = (done.path / "provenance.json").read_text()
    assert '"torch": "2"' in provenance and '"torch": "3"' in provenance


def test_equal_doubles_are_not_different(tmp_path):
    make(tmp_path / "a", range(10))
    make(tmp_path / "b", range(12))
    done = merge([tmp_path / "a", tmp_path / "b"], tmp_path, None)
    assert (done.utterances, done.doubles, done.different) == (12, 10, 0)


def test_other_specs_are_refused_field_by_field(tmp_path):
    make(tmp_path / "a", range(3))
    make(tmp_path / "b", range(3), replace(SPEC, revision="2", preprocessing={"x": 1}))
    with pytest.raises(StoreError) as caught:
        merge([tmp_path / "a", tmp_path / "b"], tmp_path, tmp_path / "out")
    assert "b: revision is '2'" in str(caught.value)
    assert "a has '1'" in str(caught.value) and "preprocessing is {'x': 1}" in str(caught.value)
    assert not (tmp_path / "out").exists()
    make(tmp_path / "c", range(5), replace(SPEC, backbone="another label"))
    assert merge([tmp_path / "a", tmp_path / "c"], tmp_path, tmp_path / "out").utterances == 5


def test_int8_needs_the_same_channel_scales(tmp_path):
    spec = replace(SPEC, dtype="int8")
    make(tmp_path / "a", range(9), spec)
    make(tmp_path / "b", range(9, 15), spec)
    with pytest.raises(StoreError, match="other channel scales"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path, tmp_path / "out")
    assert merge([tmp_path / "a", tmp_path / "a"], tmp_path, tmp_path / "out").doubles == 9
    assert verify(tmp_path / "out") == []
