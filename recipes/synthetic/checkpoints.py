"""Small checkpoints with random weights, in place of the five backbones.

They have the same classes, layouts and files as the large checkpoints, and are saved and loaded
in the same way. They were never trained: their features are random projections of the input.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from medusa.atomic import atomic
from medusa.extract.checkpoints.hugging_face import quiet
from medusa.randomness import seed_for

WIDTH, LAYERS, HEADS = 64, 4, 4
WINDOW = 200  # frames of 20 ms in a window of the Whisper stand-in; the real one has 1,500
VOCABULARY = 600
SPECIALS = {"roberta": ("<s>", "<pad>", "</s>", "<unk>", "<mask>")}
SPECIALS["modernbert"] = ("[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]")
# By default, transformers draws weights with a deviation of 0.02. At this width such a layer would
# add almost nothing.
SPREAD = 0.08


def write_checkpoints(folder: Path, texts: Sequence[str], seed: int) -> dict[str, Path]:
    """Write one small checkpoint per backbone; existing checkpoints are kept.

    Args:
        folder: where the checkpoints go. `whisper` becomes a file, the others become folders.
        texts: the texts on which the byte-level BPE of the text encoders is trained.
        seed: the seed of the weights.

    Returns:
        backbone -> its checkpoint, as `medusa extract --checkpoint` takes it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for index, (name, write) in enumerate(WRITERS.items()):
        paths[name] = folder / (f"{name}.pt" if name == "whisper" else name)
        if not paths[name].exists():
            seeded = torch.random.fork_rng(devices=[])
            with atomic(paths[name]) as partial, seeded, quiet():
                torch.manual_seed(seed_for(seed, "demo backbone", index))
                write(partial, texts)
    return paths


def _wavlm(path: Path, texts: Sequence[str]) -> None:
    from transformers import WavLMConfig, WavLMModel

    config = WavLMConfig(**_speech(), num_buckets=32, max_bucket_distance=80)
    _save_speech(path, WavLMModel(config))


def _hubert(path: Path, texts: Sequence[str]) -> None:
    from transformers import HubertConfig, HubertModel

    _save_speech(path, HubertModel(HubertConfig(**_speech())))


def _speech() -> dict[str, Any]:
    """Return the layout of wavlm-large and hubert-large, with smaller sizes.

    The norms come before the layers, and every convolution has one.
    """
    return {
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": 2 * WIDTH,
        "conv_dim": (WIDTH // 2,) * 7,
        "conv_bias": True,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
        "initializer_range": SPREAD,
    }


def _save_speech(path: Path, model: Any) -> None:
    from transformers import Wav2Vec2FeatureExtractor

    model.save_pretrained(path)
    reader: Any = Wav2Vec2FeatureExtractor
    reader(do_normalize=True, return_attention_mask=True).save_pretrained(path)


def _whisper(path: Path, texts: Sequence[str]) -> None:
    from whisper.model import ModelDimensions, Whisper

    # The mel bands and the vocabulary are those of large-v3; the sizes are small for speed.
    dims = ModelDimensions(128, WINDOW, WIDTH, HEADS, 2, 51866, 448, WIDTH, HEADS, 2)
    model = Whisper(dims)
    nn.init.normal_(model.decoder.positional_embedding, std=SPREAD)  # Whisper does not fill it
    with path.open("wb") as file:  # The name of the file would become part of its bytes.
        torch.save({"dims": vars(dims), "model_state_dict": model.state_dict()}, file)


def _roberta(path: Path, texts: Sequence[str]) -> None:
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizerFast

    start, pad, end, _, _ = SPECIALS["roberta"]
    bpe = json.loads(_train_bpe(texts, "roberta"))["model"]
    vocabulary: dict[str, int] = bpe["vocab"]
    merges: Any = [tuple(merge) for merge in bpe["merges"]]
    RobertaTokenizerFast(vocab=vocabulary, merges=merges).save_pretrained(path)
    config = RobertaConfig(
        vocab_size=len(vocabulary),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=2 * WIDTH,
        max_position_embeddings=514,
        type_vocab_size=1,
        bos_token_id=vocabulary[start],
        pad_token_id=vocabulary[pad],
        eos_token_id=vocabulary[end],
        initializer_range=SPREAD,
    )
    RobertaModel(config).save_pretrained(path)


def _modernbert(path: Path, texts: Sequence[str]) -> None:
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import ModernBertConfig, ModernBertModel, PreTrainedTokenizerFast

    start, pad, end, unknown, mask = SPECIALS["modernbert"]
    bpe = Tokenizer.from_str(_train_bpe(texts, "modernbert"))
    numbers = {name: bpe.token_to_id(name) for name in (start, pad, end)}
    bpe.post_processor = TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} $B {end}",
        special_tokens=[(start, numbers[start]), (end, numbers[end])],
    )
    tokenizer: Any = PreTrainedTokenizerFast
    tokenizer(
        tokenizer_object=bpe,
        cls_token=start,
        pad_token=pad,
        sep_token=end,
        unk_token=unknown,
        mask_token=mask,
        model_input_names=["input_ids", "attention_mask"],
    ).save_pretrained(path)
    config = ModernBertConfig(
        vocab_size=bpe.get_vocab_size(),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=2 * WIDTH,
        max_position_embeddings=512,
        bos_token_id=numbers[start],
        cls_token_id=numbers[start],
        pad_token_id=numbers[pad],
        eos_token_id=numbers[end],
        sep_token_id=numbers[end],
        initializer_range=SPREAD,
    )
    ModernBertModel(config).save_pretrained(path)


def _train_bpe(texts: Sequence[str], backbone: str) -> str:
    """Train a byte-level BPE on these texts and return it as JSON."""
    from tokenizers import ByteLevelBPETokenizer

    bpe = ByteLevelBPETokenizer()
    special = list(SPECIALS[backbone])
    bpe.train_from_iterator(
        texts, vocab_size=VOCABULARY, special_tokens=special, show_progress=False
    )
    return str(bpe.to_str())


WRITERS: dict[str, Callable[[Path, Sequence[str]], None]] = {
    "wavlm": _wavlm,
    "hubert": _hubert,
    "whisper": _whisper,
    "roberta": _roberta,
    "modernbert": _modernbert,
}
