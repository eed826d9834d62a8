"""A new family of backbones is one file in the folder of backbones, and nothing else."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from medusa.cache import FeatureStore
from medusa.extract import backbones
from medusa.extract.inputs import read_segment
from medusa.extract.inputs.segments import Segment
from medusa.manifests import Manifest
from medusa.tests.command_line import call

MODULE = f"{backbones.__name__}.loudness"
FAMILY = '''"""The toy family: mean and largest square of every 20 ms."""

import torch

from medusa.extract.encoders import Backbone, Checkpoint, Encoded

CHECKPOINTS = {"loudness": Checkpoint("plain")}
INPUT, ON_HUB = "audio", False


def describe(name, checkpoint, revision):
    return Backbone(
        name=name, family="loudness", source=checkpoint, checkpoint=checkpoint, revision="1",
        input="audio", n_layers=0, width=2, frame_shift_s=0.02, rate_hz=16_000,
        default_layers="last", preprocessing={},
    )


def load(backbone, layers, device):
    return Loudness()


class Loudness:
    batch_invariant = True

    def prepare(self, source):
        return torch.from_numpy(source)

    def encode(self, items):
        pieces = [torch.split(item.square(), 320) for item in items]
        return [
            Encoded(torch.stack([torch.stack([p.mean(), p.max()]) for p in piece])[None])
            for piece in pieces
        ]
'''


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Add a folder of backbones, with the toy family as its one file."""
    added = tmp_path / "added"
    added.mkdir()
    (added / "loudness.py").write_text(FAMILY)
    monkeypatch.setattr(backbones, "__path__", [*backbones.__path__, str(added)])
    yield
    sys.modules.pop(MODULE, None)
    vars(backbones).pop("loudness", None)


@pytest.mark.usefixtures("family")
def test_it_is_planned_extracted_verified_and_read_by_a_head(
    tmp_path: Path, workspace: Callable[..., Manifest]
) -> None:
    manifest = workspace((16_000, 7_001, 24_321))
    planned = json.loads(call(tmp_path, "plan", "--backbone", "loudness", "--json").stdout)
    (row,) = json.loads(call(tmp_path, "extract", "--backbone", "loudness", "--json").stdout)
    frames = [-(-samples // 320) for samples in (16_000, 7_001, 24_321)]
    assert planned["arrays"][0]["frames"] == row["frames"] == sum(frames)
    store = FeatureStore.open(tmp_path / "features" / row["store"])
    content = manifest.frame["content"][1]
    path = manifest.audio_path(manifest.frame["path"][1])
    samples = read_segment(Segment(path, 0.0, manifest.frame["duration_s"][1]), 16_000)
    first = samples[:320].astype(np.float64) ** 2
    kept = store.read([content]).values[0].numpy()
    np.testing.assert_allclose(kept, [first.mean(), first.max()], rtol=2e-3)
    shown = call(tmp_path, "cache", "verify", "--recompute", "3").output
    assert "no problems" in shown and "3 utterances computed again" in shown
    half = call(
        tmp_path, "extract", "--backbone", "loudness", "--set", "average_frames=2", "--json"
    )
    assert json.loads(half.stdout)[0]["frames"] == sum(-(-count // 2) for count in frames)
