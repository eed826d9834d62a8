"""How far recomputed features are off, absolute and in deviations: by numpy, from the store."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medusa.cache import FeatureStore, StoreWriter
from medusa.extract.passes.recompute import recompute
from medusa.tests.extract.running import extract, plan_jobs
from medusa.workspace import Workspace

SHIFT = 0.5


def with_one_number_shifted(path: Path, content: str, size: float) -> FeatureStore:
    """Write a store anew, one number of one utterance shifted."""
    old = FeatureStore.open(path)
    aside = path.with_name("written-anew")
    with StoreWriter(aside, old.spec, {"source": "logmel"}) as writer:
        for name in old.index.rows:
            values = old.read([name]).values.numpy().copy()
            values[3, 5] += size * (name == content)
            writer.append(name, values[None])
    shutil.copy(path / "provenance.json", aside)
    shutil.rmtree(path)
    aside.rename(path)
    return FeatureStore.open(path)


@pytest.mark.parametrize("size", [SHIFT, -SHIFT])
def test_the_relative_difference_is_in_deviations_of_the_stored_values(
    size: float, tmp_path: Path, workspace: Callable[..., Any]
) -> None:
    manifest = workspace((16000, 7001, 9000))
    opened = Workspace.open(tmp_path)
    (job,) = plan_jobs(opened, ["logmel"], dtype="float32")
    assert not extract(job, "cpu", 10.0).problems
    content = manifest.frame["content"].iloc[1]
    store = with_one_number_shifted(job.store, content, size)
    found = recompute(opened, store, 3, "cpu")
    deviation = float(np.std(store.read([content]).values.numpy()))
    assert not 0.9 < deviation < 1.1  # else to divide by it would hardly show
    assert (found.utterances, found.worst) == (3, "u1")
    assert found.largest == pytest.approx(SHIFT, abs=1e-4)
    assert found.relative == pytest.approx(SHIFT / deviation, rel=1e-3)
