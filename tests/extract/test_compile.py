"""--compile: the traced encoder gives the same features, for other batches and lengths as well."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from medusa.extract.backbones import describe, family
from medusa.extract.encoders import front_end
from medusa.extract.encoders.encoder import compile_encoder
from medusa.extract.planning import jobs
from medusa.tests.command_line import call
from medusa.tests.counts import LONG

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import checkpoints

sys.path.pop(0)


@pytest.mark.parametrize("name", ["whisper", "hubert", "roberta"] if LONG else ["whisper"])
@pytest.mark.filterwarnings("ignore")  # of dynamo's about the library it traces
def test_a_traced_encoder_gives_the_same_features(name: str, tmp_path: Path) -> None:
    """Traced by dynamo and run as it is; making kernels of it would take minutes."""
    path = checkpoints.write(name, tmp_path, "tiny")
    backbone = describe("whisper" if name == "whisper" else "auto", str(path))
    encoder = family(backbone.family).load(backbone, (0, 2, 4), "cpu")
    sources = list(checkpoints.TEXTS)
    if name != "roberta":
        noise = np.random.default_rng(0)
        sources = [noise.standard_normal(n * 1600).astype("f") * 0.1 for n in (5, 9, 14)]
    items = [encoder.prepare(source) for source in sources]
    batches = [items, items[:2], items[1:2]]
    plain = [encoder.encode(batch) for batch in batches]
    compile_encoder(encoder, backend="eager")
    graphs = torch._dynamo.utils.counters["stats"]
    before = graphs["unique_graphs"]
    for batch, expected in zip(batches, plain, strict=True):
        for one, other in zip(encoder.encode(batch), expected, strict=True):
            torch.testing.assert_close(one.values, other.values, rtol=1e-5, atol=1e-5)
    assert graphs["unique_graphs"] > before


@pytest.mark.filterwarnings("ignore")
def test_a_front_end_on_a_cpu_is_traced_for_any_number_of_clips(tmp_path, monkeypatch):
    """It takes a few clips at a time where it is not compiled; here one."""
    monkeypatch.setattr(front_end, "CACHED", 1)
    backbone = describe("auto", str(checkpoints.write("hubert", tmp_path, "tiny")))
    encoder = family(backbone.family).load(backbone, (1,), "cpu")
    item = encoder.prepare(np.random.default_rng(0).standard_normal(4000).astype("f"))
    compile_encoder(encoder, backend="eager")
    graphs = torch._dynamo.utils.counters["stats"]
    before = graphs["unique_graphs"]
    for count in (2, 3, 4, 5, 6):
        encoder.encode([item] * count)
    assert graphs["unique_graphs"] - before <= 2


def test_the_option_asks_for_compiled_encoders(tmp_path, workspace, monkeypatch):
    workspace((16000, 9000))
    asked: list[object] = []
    monkeypatch.setattr(jobs, "compile_encoder", asked.append)
    words = ["extract", "--backbone", "logmel"]
    call(tmp_path, *words, "--set=compile=true")
    assert len(asked) == 1
    call(tmp_path, *words, "--force")
    assert len(asked) == 1
