"""Damaged checkpoints of others: an encoder or one sentence, in bounded time and memory."""

import json
import os
import warnings
from pathlib import Path

import pytest
import torch

from medusa.extract.backbones import describe, load
from medusa.tests.extract.conftest import speech_models, text_models, tokenizer
from medusa.tests.fuzz.judge import each_seed, judged
from medusa.tests.fuzz.mutate import mutated

NAMES = ("config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors")
SIZES = (0, -1, 10**6, 10**9, 10**18, "x", None, [], {}, [10**6], True, 1e300)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def act(path: Path) -> None:
    backbone = describe("auto", str(path))
    load(backbone, (backbone.n_layers,), "cpu")


@pytest.mark.parametrize("kind", ["speech", "text"])
def test_damaged_checkpoints(tmp_path: Path, kind: str) -> None:
    torch.manual_seed(0)
    if kind == "speech":
        import transformers

        transformers.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)  # type: ignore[attr-defined]
        speech_models()["wavlm"]().save_pretrained(tmp_path)
    else:
        words = tokenizer()
        words.save_pretrained(tmp_path)
        text_models(len(words))["roberta"]().save_pretrained(tmp_path)
    files = [tmp_path / name for name in NAMES if (tmp_path / name).exists()]
    config = json.loads((tmp_path / "config.json").read_text())
    for seed in each_seed(40, 6.0, share=2):
        path = files[seed // 2 % len(files)] if seed % 2 else tmp_path / "config.json"
        whole = path.read_bytes()
        if seed % 2:
            path.write_bytes(mutated(whole, seed))
        else:
            key = sorted(config)[seed // 2 * 7 % len(config)]
            path.write_text(json.dumps(config | {key: SIZES[seed // 2 % len(SIZES)]}))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            judged(lambda: act(tmp_path))
        path.write_bytes(whole)
    act(tmp_path)
    assert os.listdir(tmp_path)
