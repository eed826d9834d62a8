"""A tokenizer that takes fewer tokens than the model has positions: its limit counts."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from medusa.extract.backbones import describe, family

LIMIT = 12  # the two special tokens included; the models have room for 38 or 40


def limited(source: Path, folder: Path) -> str:
    """Copy a checkpoint and let its tokenizer say that it takes no more than `LIMIT` tokens."""
    shutil.copytree(source, folder)
    file = folder / "tokenizer_config.json"
    settings: dict[str, Any] = json.loads(file.read_text())
    file.write_text(json.dumps(settings | {"model_max_length": LIMIT}))
    return str(folder)


@pytest.mark.parametrize("name", ["roberta", "modernbert"])
def test_a_text_is_cut_where_the_tokenizer_would_cut_it(
    name: str, tmp_path: Path, checkpoint: Callable[[str], Path]
) -> None:
    from transformers import AutoModel, AutoTokenizer

    path = limited(checkpoint(name), tmp_path / name)
    backbone = describe(name, path)
    assert backbone.preprocessing["max_tokens"] == LIMIT
    encoder = family(backbone.family).load(backbone, (backbone.n_layers,), "cpu")
    long, short = encoder.encode([encoder.prepare("Eis " * 20), encoder.prepare("oh well")])
    assert (long.flags, short.flags) == (("truncated",), ())

    tokens = AutoTokenizer.from_pretrained(path)("Eis " * 20, truncation=True, return_tensors="pt")
    assert tokens["input_ids"].shape == (1, LIMIT)
    with torch.inference_mode():
        out = AutoModel.from_pretrained(path).eval()(input_ids=tokens["input_ids"])
    torch.testing.assert_close(long.values, out.last_hidden_state[:, 1:-1], rtol=0, atol=1e-5)
