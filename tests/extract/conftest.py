"""Small random checkpoints of the real classes, and a small corpus of noise."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.audio import content_of, digest_of

SENTENCES = (
    "the meeting is at seven",
    "der Lappen liegt auf dem Eisschrank",
    "I can't believe it: you did that to me!",
    "oh well",
)
SPEECH = {
    "hidden_size": 32,
    "num_hidden_layers": 5,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "conv_dim": (16,) * 7,
}
POSITIONS = {"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
TEXT = {
    "hidden_size": 32,
    "num_hidden_layers": 5,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "cls_token_id": 0,
    "sep_token_id": 2,
}


def speech_models() -> dict[str, Callable[[], Any]]:
    import transformers as t

    stable: dict[str, Any] = SPEECH | POSITIONS
    stable |= {"feat_extract_norm": "layer", "do_stable_layer_norm": True}
    post = stable | {"do_stable_layer_norm": False}
    group = post | {"feat_extract_norm": "group"}
    data2vec: dict[str, Any] = SPEECH | {"num_conv_pos_embeddings": 3, "conv_pos_kernel_size": 5}
    data2vec |= {"num_conv_pos_embedding_groups": 4}
    others: dict[str, Any] = SPEECH | POSITIONS | {"feat_extract_norm": "layer"}
    return {
        "hubert-batch-norm": lambda: shifted(
            t.HubertModel(t.HubertConfig(**stable, conv_pos_batch_norm=True))
        ),
        "wav2vec2": lambda: t.Wav2Vec2Model(t.Wav2Vec2Config(**stable)),
        "unispeech": lambda: t.UniSpeechModel(t.UniSpeechConfig(**stable)),
        "unispeech-sat": lambda: t.UniSpeechSatModel(t.UniSpeechSatConfig(**stable)),
        "wav2vec2-conformer": lambda: t.Wav2Vec2ConformerModel(t.Wav2Vec2ConformerConfig(**others)),
        "wavlm": lambda: t.WavLMModel(t.WavLMConfig(**stable)),
        "wavlm-post": lambda: t.WavLMModel(t.WavLMConfig(**post)),
        "hubert": lambda: t.HubertForCTC(t.HubertConfig(**stable, vocab_size=20)),
        "wav2vec2-group": lambda: t.Wav2Vec2Model(t.Wav2Vec2Config(**group)),
        "data2vec": lambda: t.Data2VecAudioModel(t.Data2VecAudioConfig(**data2vec)),
    }


def shifted(model: Any) -> Any:
    """Give a HuBERT's batch norm the statistics of a trained one, which are not zero."""
    norm = model.encoder.pos_conv_embed.batch_norm
    for values in (norm.running_mean, norm.bias.data, norm.weight.data):
        torch.nn.init.normal_(values)
    return model


def text_models(vocabulary: int) -> dict[str, Callable[[], Any]]:
    import transformers as t

    sizes: dict[str, Any] = TEXT | {"vocab_size": vocabulary}
    return {
        "roberta": lambda: t.RobertaForMaskedLM(t.RobertaConfig(**sizes)),
        "modernbert": lambda: t.ModernBertModel(t.ModernBertConfig(**sizes)),
        "deberta": lambda: t.DebertaV2Model(
            t.DebertaV2Config(
                **sizes,
                conv_kernel_size=3,
                conv_act="gelu",
                relative_attention=True,
                position_biased_input=False,
                pos_att_type=["p2c", "c2p"],
                position_buckets=8,
            )
        ),
    }


def tokenizer() -> Any:
    """A byte-level BPE with RoBERTa's special tokens, trained on a few sentences."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(SENTENCES, trainer)
    bpe.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = ("bos", "pad", "eos", "unk", "mask")
    tokens: dict[str, Any] = {
        f"{name}_token": token for name, token in zip(names, special, strict=True)
    }
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, **tokens, cls_token="<s>", sep_token="</s>", model_max_length=512
    )


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks the hub for anything."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder (or Whisper file) of a small random checkpoint, made when first wanted."""
    root = tmp_path_factory.mktemp("checkpoints")

    def get(name: str) -> Path:
        path = root / name
        if not path.exists():
            torch.manual_seed(0)
            _make(name, path)
        return path

    return get


def _make(name: str, path: Path) -> None:
    from transformers import utils

    logging: Any = utils.logging
    logging.disable_progress_bar()
    if name.endswith(".pt"):
        return _make_whisper(path)
    if name in (speech := speech_models()):
        import transformers

        feature_extractor: Any = transformers.Wav2Vec2FeatureExtractor
        feature_extractor(do_normalize=name != "wavlm-post").save_pretrained(path)
        speech[name]().save_pretrained(path)
    else:
        words = tokenizer()
        words.save_pretrained(path)
        text_models(len(words))[name]().save_pretrained(path)


def _make_whisper(path: Path) -> None:
    from whisper.model import ModelDimensions, Whisper

    dims = ModelDimensions(
        n_mels=80,
        n_audio_ctx=100,  # windows of 2 s
        n_audio_state=32,
        n_audio_head=2,
        n_audio_layer=3,
        n_vocab=51866,
        n_text_ctx=32,
        n_text_state=32,
        n_text_head=2,
        n_text_layer=1,
    )
    model = Whisper(dims)
    torch.nn.init.normal_(model.decoder.positional_embedding, std=0.02)  # torch.empty otherwise
    torch.save({"dims": vars(dims), "model_state_dict": model.state_dict()}, path)


def noise(samples: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    values = np.random.default_rng(seed).standard_normal(samples) * 0.1
    return values.astype(np.float32)


@pytest.fixture
def waves() -> list[np.ndarray[Any, np.dtype[np.float32]]]:
    """Clips at 16 kHz of odd lengths; the third is shorter than a receptive field."""
    return [noise(length, length) for length in (16000, 7001, 300, 16000, 24321, 400)]


def make_workspace(
    root: Path,
    lengths: Sequence[int],
    rate_hz: int = 16000,
    texts: Sequence[str | None] | None = None,
) -> Manifest:
    """Write wavs of noise and their manifest into a workspace; ids are u0, u1, ..."""
    (root / "wav").mkdir(parents=True)
    rows = []
    for index, length in enumerate(lengths):
        path = root / "wav" / f"u{index}.wav"
        soundfile.write(path, noise(length, index), rate_hz)
        duration_s = length / rate_hz
        content = content_of(digest_of(path), 0.0, duration_s)
        rows.append([f"u{index}", f"wav/u{index}.wav", 0.0, duration_s, content])
    frame = pd.DataFrame(rows, columns=["id", "path", "start_s", "duration_s", "content"])
    frame["text"] = list(texts) if texts else None
    frame["split"] = ["train" if index % 2 else "dev" for index in range(len(frame))]
    manifest = Manifest(frame, LabelScheme("two", ("calm", "angry")), root=root)
    manifest.write(root / "manifest.parquet")
    return manifest


@pytest.fixture
def workspace(tmp_path: Path) -> Callable[..., Manifest]:
    """Return a function that fills `tmp_path` with a corpus."""

    def make(lengths: Sequence[int], **choices: Any) -> Manifest:
        return make_workspace(tmp_path, lengths, **choices)

    return make
