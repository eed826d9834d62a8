"""The programs of docs/cache.md run as they are written."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import medusa
from medusa.cache import FeatureSpec, StoreWriter
from medusa.manifests import LabelScheme, Manifest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cache.md"
IDS = ("u1", "u2", "u7")
SPEC = FeatureSpec("wavlm", "toy", "local", "1", "audio", (24,), "none", "float16", 4, 0.02, {})


def test_the_programs_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"id": IDS, "content": [f"digest{name}" for name in IDS]})
    Manifest(frame, LabelScheme("none", ())).write(tmp_path / "manifest.parquet")
    values = {
        name: np.random.default_rng(number).normal(size=(number + 1, 4)).astype(np.float16)
        for number, name in enumerate(IDS)
    }
    with StoreWriter(tmp_path / "features" / "wavlm-1a2b3c4d.zarr", SPEC) as writer:
        for name in IDS:
            writer.append(f"digest{name}", values[name][None])
    blocks = PAGE.read_text(encoding="utf-8").split("```python\n")[1:]
    program = "\n".join(block.split("```")[0] for block in blocks)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(program, str(PAGE), "exec"), names)
    batch, padded = names["batch"], names["padded"]
    assert np.array_equal(batch.values.numpy(), np.concatenate([values[name] for name in IDS]))  # type: ignore[attr-defined]
    assert isinstance(padded, torch.Tensor) and padded.shape == (3, 3, 4)
    copied = medusa.load_features("copies/mine.zarr", "manifest.parquet")
    assert copied.ids == list(IDS)
    assert all(np.array_equal(copied[name], values[name]) for name in IDS)
