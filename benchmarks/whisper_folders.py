"""The folders of transformers and of CTranslate2, made from one openai-whisper file.

transformers 5 has no script for this. The weights get their names in transformers, the vocabulary
is that of openai-whisper's package, and CTranslate2 converts the folder of transformers.
"""

from pathlib import Path
from typing import Any

import checkpoints
import torch
import whisper
from whisper.tokenizer import get_tokenizer

from medusa.extract.checkpoints import whisper_files

# Parts of the names of a decoder's weights; the other parts are those of the encoder.
RENAMED = {
    "cross_attn_ln.": "encoder_attn_layer_norm.",
    "cross_attn.query.": "encoder_attn.q_proj.",
    "cross_attn.key.": "encoder_attn.k_proj.",
    "cross_attn.value.": "encoder_attn.v_proj.",
    "cross_attn.out.": "encoder_attn.out_proj.",
    "token_embedding.": "embed_tokens.",
    "decoder.ln.": "decoder.layer_norm.",
} | checkpoints.RENAMED
SPLIT = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""


def write_transformers(file: Path, folder: Path) -> Path:
    """Write a folder that `from_pretrained` of transformers reads."""
    import transformers as t

    theirs = whisper_files.read_model(str(file), "cpu")
    config, generation = _configs(theirs)
    model = t.WhisperForConditionalGeneration(config)
    weights = {f"model.{_renamed(name)}": value for name, value in theirs.state_dict().items()}
    weights["proj_out.weight"] = weights["model.decoder.embed_tokens.weight"]
    model.load_state_dict(weights)
    model.generation_config = t.GenerationConfig(**generation)
    model.save_pretrained(folder)
    t.WhisperFeatureExtractor(feature_size=theirs.dims.n_mels).save_pretrained(folder)
    _tokenizer(theirs).save_pretrained(folder)
    return folder


def write_ctranslate2(transformers: Path, folder: Path, numbers: str) -> Path:
    """Write a folder that faster-whisper reads, with weights in a format of numbers."""
    from ctranslate2.converters import TransformersConverter

    copied = ["tokenizer.json", "preprocessor_config.json"]
    converter = TransformersConverter(str(transformers), copy_files=copied)
    converter.convert(str(folder), quantization=numbers, force=True)
    return folder


def encoder_difference(file: Path, folder: Path) -> float:
    """Return the largest difference of the encoders' last states in both libraries."""
    from transformers import WhisperForConditionalGeneration

    torch.manual_seed(0)
    theirs = whisper_files.read_model(str(file), "cpu")
    mel = torch.randn(1, theirs.dims.n_mels, 2 * theirs.dims.n_audio_ctx).clamp(-1, 1)
    model = WhisperForConditionalGeneration.from_pretrained(folder).eval()
    with torch.inference_mode():
        gap = model.model.encoder(mel).last_hidden_state - theirs.encoder(mel)
    return float(gap.abs().max())


def _renamed(name: str) -> str:
    for openai_part, transformers_part in RENAMED.items():
        name = name.replace(openai_part, transformers_part)
    return name


def _configs(model: Any) -> tuple[Any, dict[str, Any]]:
    """Return the configuration of a model and of its generation."""
    import transformers as t

    dims, words = model.dims, _words(model)
    ids = {"bos_token_id": words.eot, "eos_token_id": words.eot, "pad_token_id": words.eot}
    ids["decoder_start_token_id"] = words.sot
    config = t.WhisperConfig(
        vocab_size=dims.n_vocab,
        num_mel_bins=dims.n_mels,
        d_model=dims.n_audio_state,
        encoder_layers=dims.n_audio_layer,
        encoder_attention_heads=dims.n_audio_head,
        encoder_ffn_dim=4 * dims.n_audio_state,
        decoder_layers=dims.n_text_layer,
        decoder_attention_heads=dims.n_text_head,
        decoder_ffn_dim=4 * dims.n_text_state,
        max_source_positions=dims.n_audio_ctx,
        max_target_positions=dims.n_text_ctx,
        **ids,
    )
    codes = zip(words.all_language_codes, words.all_language_tokens, strict=True)
    marks = [words.transcribe, words.translate, words.sot, words.sot_prev, words.sot_lm]
    generation = ids | {
        "max_length": dims.n_text_ctx,
        "is_multilingual": model.is_multilingual,
        "lang_to_id": {f"<|{code}|>": token for code, token in codes},
        "task_to_id": {"transcribe": words.transcribe, "translate": words.translate},
        "no_timestamps_token_id": words.no_timestamps,
        "suppress_tokens": sorted({*words.non_speech_tokens, *marks, words.no_speech}),
        "begin_suppress_tokens": [*words.encoding.encode(" "), words.eot],
        "alignment_heads": [[layer, 0] for layer in range(dims.n_text_layer // 2)],
        "return_timestamps": False,
    }
    return config, generation


def _tokenizer(model: Any) -> Any:
    """Return the vocabulary of openai-whisper in the class of transformers."""
    from transformers import WhisperTokenizer
    from transformers.convert_slow_tokenizer import TikTokenConverter

    name = "multilingual" if model.is_multilingual else "gpt2"
    file = Path(whisper.__file__).parent / "assets" / f"{name}.tiktoken"
    special = sorted(_words(model).special_tokens.items(), key=lambda pair: pair[1])
    converter = TikTokenConverter(
        str(file), SPLIT, extra_special_tokens=[token for token, _ in special]
    )
    converted = converter.converted()
    differing = [token for token, number in special if converted.token_to_id(token) != number]
    if differing:
        raise SystemExit(f"{file}: these tokens have another number in transformers: {differing}")
    return WhisperTokenizer(tokenizer_object=converted, pad_token="<|endoftext|>")


def _words(model: Any) -> Any:
    """Return the tokenizer of openai-whisper."""
    return get_tokenizer(model.is_multilingual, num_languages=model.num_languages)
