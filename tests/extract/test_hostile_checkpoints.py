"""Checkpoints of others: sizes that no encoder has are refused before memory is taken for them."""

import json
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from medusa.errors import CheckpointError
from medusa.extract.backbones import describe, load
from medusa.extract.checkpoints.whisper_files import read_model

HUGE = 1_000_000
CHANGES: dict[str, Any] = {
    "num_hidden_layers": HUGE,
    "hidden_size": HUGE,
    "vocab_size": 10**9,
    "max_position_embeddings": 10**9,
    "num_attention_heads": 0,
    "model_type": ["roberta"],
    "intermediate_size": "wide",
    "pad_token_id": 10**12,
}


def changed(folder: Path, into: Path, **changes: Any) -> Path:
    """Copy a checkpoint and change its configuration."""
    shutil.copytree(folder, into)
    config = json.loads((into / "config.json").read_text())
    (into / "config.json").write_text(json.dumps(config | changes))
    return into


def opened(path: Path) -> None:
    backbone = describe("auto", str(path))
    load(backbone, (backbone.n_layers,), "cpu")


@pytest.mark.parametrize("key", CHANGES)
def test_a_configuration_of_impossible_values(
    checkpoint: Callable[[str], Path], tmp_path: Path, key: str
) -> None:
    path = changed(checkpoint("roberta"), tmp_path / "c", **{key: CHANGES[key]})
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=str(path)):
            opened(path)
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "changes",
    [{"num_hidden_layers": HUGE}, {"conv_stride": [0] * 7}, {"conv_kernel": [10]}, {"conv_dim": 5}],
    ids=str,
)
def test_a_speech_encoder_of_impossible_sizes(
    checkpoint: Callable[[str], Path], tmp_path: Path, changes: dict[str, Any]
) -> None:
    path = changed(checkpoint("wavlm"), tmp_path / "c", **changes)
    with pytest.raises(CheckpointError, match=str(path)):
        opened(path)


@pytest.mark.parametrize("data", [b"[" * 100_000, b"\xff", b"[]", b"", b'{"model_type": null}'])
def test_a_configuration_that_is_no_mapping(
    checkpoint: Callable[[str], Path], tmp_path: Path, data: bytes
) -> None:
    path = changed(checkpoint("roberta"), tmp_path / "c")
    (path / "config.json").write_bytes(data)
    with pytest.raises(CheckpointError, match=str(path)):
        opened(path)


DIMS = ("n_audio_layer", "n_text_layer", "n_audio_state", "n_audio_ctx", "n_vocab", "n_mels")


@pytest.mark.parametrize("key", DIMS)
@pytest.mark.parametrize("value", [HUGE, -1, "x", None])
def test_sizes_of_whisper_are_those_of_its_weights(
    checkpoint: Callable[[str], Path], tmp_path: Path, key: str, value: Any
) -> None:
    held = torch.load(checkpoint("tiny.pt"), weights_only=True)
    held["dims"][key] = value
    path = tmp_path / "odd.pt"
    torch.save(held, path)
    for read in (lambda: describe("whisper", str(path)), lambda: read_model(str(path), "cpu")):
        with pytest.raises(CheckpointError, match=f"not an openai-whisper checkpoint .*{key}"):
            read()
