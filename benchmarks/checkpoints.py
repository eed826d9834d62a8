"""Random checkpoints of the real classes, small or of full size, written by `save_pretrained`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from medusa.extract.checkpoints import whisper_files
from medusa.extract.checkpoints.hugging_face import quiet

# The width, layers, heads, feed-forward width, and vocabulary of the text encoders. `tiny` has
# several heads for tests; `slim` is a sixteenth as wide as `full`, and has its 64 values per head.
SIZES = {
    "tiny": (64, 4, 4, 128, 600),
    "slim": (64, 4, 1, 256, 600),
    "small": (256, 6, 4, 1024, 5000),
    "full": (1024, 24, 16, 4096, 50265),
}
TEXTS = (
    "the meeting is at seven",
    "I can't believe it: you did that to me!",
    "oh well",
    "né — 😀 ok",
)


def write(name: str, folder: Path, size: str) -> Path:
    """Write the checkpoint of a family, and return its folder (for Whisper, its file)."""
    path = folder / (f"{name}.pt" if name == "whisper" else name)
    if not path.exists():
        torch.manual_seed(0)
        with quiet():
            (SPEECH | TEXT | {"whisper": _whisper})[name](path, SIZES[size])
    return path


def _speech(kind: str, **more: Any) -> Callable[[Path, tuple[int, ...]], None]:
    """Return a function that writes a speech encoder of a class of transformers."""

    def make(path: Path, size: tuple[int, ...]) -> None:
        import transformers as t

        width, layers, heads, feedforward, _ = size
        full = width == 1024
        config = getattr(t, f"{kind}Config")(
            **{
                "hidden_size": width,
                "num_hidden_layers": layers,
                "num_attention_heads": heads,
                "intermediate_size": feedforward,
                "conv_dim": (512 if full else width // 2,) * 7,
                "num_conv_pos_embeddings": 128 if full else 16,
                "num_conv_pos_embedding_groups": 16 if full else 4,
                "initializer_range": 0.02 if full else 0.08,
                **more,
            }
        )
        getattr(t, f"{kind}Model")(config).save_pretrained(path)
        t.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(path)

    return make


STABLE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
# A sixteenth of the width of hubert-xlarge, which is deeper and has 80 values per head.
XLARGE = {"hidden_size": 80, "num_hidden_layers": 12, "num_attention_heads": 1}
SPEECH = {
    "wavlm": _speech("WavLM", **STABLE),
    "hubert": _speech("Hubert", **STABLE),
    "hubert-xlarge": _speech("Hubert", **STABLE, **XLARGE),
    "wav2vec2": _speech("Wav2Vec2", **STABLE),
    "wav2vec2-group": _speech("Wav2Vec2"),
    "data2vec-audio": _speech("Data2VecAudio", num_conv_pos_embeddings=5, conv_pos_kernel_size=19),
}


def _whisper(path: Path, size: tuple[int, ...]) -> None:
    from whisper.model import ModelDimensions, Whisper

    width, layers, heads, _, _ = size
    full = width == 1024
    width, layers, heads = (1280, 32, 20) if full else (width, layers, heads)
    deep = layers if full else 2
    model = Whisper(
        ModelDimensions(128, 1500, width, heads, layers, 51866, 448, width, heads, deep)
    )
    torch.nn.init.normal_(model.decoder.positional_embedding, std=0.05)  # Whisper does not set it
    torch.save({"dims": vars(model.dims), "model_state_dict": model.state_dict()}, path)


# Parts of the names of an encoder's weights in openai-whisper -> the same parts in transformers.
RENAMED = {
    "positional_embedding": "embed_positions.weight",
    "blocks.": "layers.",
    "attn_ln.": "self_attn_layer_norm.",
    "attn.query.": "self_attn.q_proj.",
    "attn.key.": "self_attn.k_proj.",
    "attn.value.": "self_attn.v_proj.",
    "attn.out.": "self_attn.out_proj.",
    "mlp_ln.": "final_layer_norm.",
    "mlp.0.": "fc1.",
    "mlp.2.": "fc2.",
    "ln_post.": "layer_norm.",
}


def whisper_for_transformers(path: Path) -> tuple[Any, Any]:
    """Return the encoder of an openai-whisper file in the class of transformers, and its reader."""
    import transformers as t
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    theirs = whisper_files.read_model(str(path), "cpu")
    dims = theirs.dims
    config = t.WhisperConfig(
        num_mel_bins=dims.n_mels,
        max_source_positions=dims.n_audio_ctx,
        d_model=dims.n_audio_state,
        encoder_layers=dims.n_audio_layer,
        encoder_attention_heads=dims.n_audio_head,
        encoder_ffn_dim=4 * dims.n_audio_state,
    )
    config._attn_implementation = "sdpa"  # from_pretrained chooses the same
    weights = {}
    for name, values in theirs.encoder.state_dict().items():
        for openai_part, transformers_part in RENAMED.items():
            name = name.replace(openai_part, transformers_part)
        weights[name] = values
    encoder = WhisperEncoder(config)
    encoder.load_state_dict(weights)
    return encoder, t.WhisperFeatureExtractor(feature_size=dims.n_mels)


def _text(kind: str, **more: Any) -> Callable[[Path, tuple[int, ...]], None]:
    """Return a function that writes a text encoder of a class of transformers, and a tokenizer."""

    def make(path: Path, size: tuple[int, ...]) -> None:
        import transformers as t

        width, layers, heads, feedforward, vocabulary = size
        tokenizer().save_pretrained(path)
        config = getattr(t, f"{kind}Config")(
            **{
                "hidden_size": width,
                "num_hidden_layers": 28 if kind == "ModernBert" and width == 1024 else layers,
                "num_attention_heads": heads,
                "intermediate_size": feedforward,
                "vocab_size": vocabulary,
                "max_position_embeddings": 514,
                "initializer_range": 0.08,
                "pad_token_id": 1,
                "bos_token_id": 0,
                "cls_token_id": 0,
                "eos_token_id": 2,
                "sep_token_id": 2,
                **more,
            }
        )
        getattr(t, f"{kind}Model")(config).save_pretrained(path)

    return make


RELATIVE = {"relative_attention": True, "position_biased_input": False, "position_buckets": 32}
RELATIVE |= {"pos_att_type": ["p2c", "c2p"], "conv_kernel_size": 3, "conv_act": "gelu"}
TEXT = {
    "roberta": _text("Roberta", type_vocab_size=1),
    "modernbert": _text("ModernBert"),
    "deberta": _text("DebertaV2", **RELATIVE),
    "bert": _text("Bert"),
}


def tokenizer() -> Any:
    """Return a byte-level BPE with RoBERTa's special tokens, trained on a few sentences."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    names = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=list(names.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(TEXTS, trainer)
    bpe.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    more = {"cls_token": "<s>", "sep_token": "</s>", "model_max_length": 512}
    return PreTrainedTokenizerFast(tokenizer_object=bpe, **names, **more)
