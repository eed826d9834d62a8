"""Features of text encoders against the transformers model itself, text by text."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from medusa.errors import CheckpointError
from medusa.extract.backbones import describe, family

NAMES = ("roberta", "modernbert", "deberta")
TEXTS = ("oh well", "I can't believe it: you did that to me!", "", "the meeting <s> is", " ")


def load(path: Path, layers: tuple[int, ...] | None = None) -> Any:
    backbone = describe("auto", str(path))
    kept = layers or tuple(range(backbone.n_layers + 1))
    return family(backbone.family).load(backbone, kept, "cpu")


def reference(path: Path, text: str) -> torch.Tensor:
    """All layers (L + 1, S, D) of one text, special tokens included."""
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(path).eval()
    tokens = AutoTokenizer.from_pretrained(path)(text, return_tensors="pt")
    with torch.inference_mode():
        out = model(input_ids=tokens["input_ids"], output_hidden_states=True)
    return torch.cat([*out.hidden_states[:-1], out.last_hidden_state])


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_equals_the_model_alone(name: str, checkpoint: Callable[[str], Path]) -> None:
    encoder = load(checkpoint(name))
    found = encoder.encode([encoder.prepare(text) for text in TEXTS])
    for one, text in zip(found, TEXTS, strict=True):
        states = reference(checkpoint(name), text)
        expected = states[:, 1:-1] if text else states[:, :1]
        torch.testing.assert_close(one.values, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_features_do_not_depend_on_the_batch(name: str, checkpoint: Callable[[str], Path]) -> None:
    encoder = load(checkpoint(name), (0, 5))
    items = [encoder.prepare(text) for text in TEXTS]
    for item, together in zip(items, encoder.encode(items), strict=True):
        (alone,) = encoder.encode([item])
        torch.testing.assert_close(together.values, alone.values, rtol=0, atol=1e-5)


def test_only_added_special_tokens_are_left_out(checkpoint: Callable[[str], Path]) -> None:
    """A `<s>` that somebody wrote is a token of the text; those of the template are not."""
    encoder = load(checkpoint("roberta"), (5,))
    item = encoder.prepare("oh<s>well")
    ids = item.ids.tolist()
    assert ids[0] == 0 and ids[-1] == 2 and 0 in ids[1:-1]
    assert item.kept.tolist() == list(range(1, len(ids) - 1))


def test_an_empty_text_is_the_start_tokens_state(checkpoint: Callable[[str], Path]) -> None:
    encoder = load(checkpoint("roberta"), (5,))
    empty, blank = encoder.encode([encoder.prepare(""), encoder.prepare(" ")])
    assert empty.flags == ("empty",)
    assert empty.values.shape == (1, 1, 32)
    assert blank.flags == ()  # a space is a token of a byte-level vocabulary


def test_long_texts_are_cut_and_flagged(checkpoint: Callable[[str], Path]) -> None:
    """RoBERTa's 40 positions start after its padding token's number: 38 tokens, 36 of the text."""
    backbone = describe("roberta", str(checkpoint("roberta")))
    assert backbone.preprocessing["max_tokens"] == 38
    encoder = load(checkpoint("roberta"), (5,))
    long, short = encoder.encode([encoder.prepare("Eis " * 50), encoder.prepare("Eis")])
    assert (long.flags, long.values.shape) == (("truncated",), (1, 36, 32))
    assert short.flags == ()
    assert describe("modernbert", str(checkpoint("modernbert"))).preprocessing["max_tokens"] == 40


def test_threads_may_share_the_tokenizer(checkpoint: Callable[[str], Path]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    encoder = load(checkpoint("roberta"), (5,))
    texts = ["Eis " * (1 + index % 60) for index in range(200)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(encoder.prepare, texts))
    for item, text in zip(found, texts, strict=True):
        assert item.ids.tolist() == encoder.prepare(text).ids.tolist()


def test_text_has_no_frame_shift(checkpoint: Callable[[str], Path]) -> None:
    backbone = describe("auto", str(checkpoint("modernbert")))
    assert (backbone.input, backbone.family) == ("text", "text")
    assert backbone.frame_shift_s is None and backbone.rate_hz is None


def test_a_speech_model_is_refused(checkpoint: Callable[[str], Path]) -> None:
    with pytest.raises(CheckpointError, match="wavlm model does not read text"):
        describe("roberta", str(checkpoint("wavlm")))
