"""Text encoders: RoBERTa, ModernBERT, DeBERTa, BERT, and other models that read tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from medusa.errors import CheckpointError
from medusa.extract.checkpoints.hugging_face import CheckpointRef, checkpoint_of, find, load_model
from medusa.extract.encoders.encoder import Backbone, Checkpoint, Encoded
from medusa.extract.encoders.variants import NORM

CHECKPOINTS = {
    "roberta": Checkpoint("FacebookAI/roberta-large", 24, 1024),
    "modernbert": Checkpoint("answerdotai/ModernBERT-large", 28, 1024),
    "deberta": Checkpoint("microsoft/deberta-v2-xlarge", 24, 1536),
    "bert": Checkpoint("google-bert/bert-large-uncased", 24, 1024),
}
INPUT, ON_HUB = "text", True
# Encoders of sound or of images have these settings.
OTHER_SENSES = ("conv_kernel", "num_mel_bins", "feature_projection_input_dim", "vision_config")
# These models count positions from the number of the padding token plus one.
OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "mpnet", "longformer")
UNLIMITED = 1_000_000  # tokenizers without a limit state 1e30


def describe(name: str, checkpoint: str, revision: str | None) -> Backbone:
    """Return the facts of a checkpoint from its configuration and tokenizer.

    Raises:
        CheckpointError: the checkpoint cannot be found, or is not a text encoder.
    """
    ref = find(checkpoint, revision)
    return describe_config(name, ref, ref.config())


def describe_config(name: str, ref: CheckpointRef, config: Any) -> Backbone:
    """Return the facts of a checkpoint whose configuration is known."""
    if not reads_tokens(config):
        raise CheckpointError(
            f"{ref.source}: a {config.model_type} model does not read text; expected roberta, "
            "modernbert, bert or a similar model; for other kinds, use --backbone auto"
        )
    max_tokens = _max_tokens(config, _tokenizer(ref))
    return replace(
        _facts(name, ref.source, config.num_hidden_layers, config.hidden_size),
        checkpoint=ref.name,
        revision=ref.revision,
        preprocessing={"special_tokens": "left out", "max_tokens": max_tokens},
        variants=_variants(config.model_type),
    )


def _variants(kind: str) -> tuple[str, ...]:
    """Return the choices of a model. The published code has ModernBERT's states before the norm."""
    return ("like", NORM) if kind == "modernbert" else ("like",)


def published(name: str) -> Backbone:
    """Return the facts of the usual checkpoint, for plans."""
    usual = CHECKPOINTS[name]
    facts = _facts(name, usual.source, usual.layers, usual.width)
    return replace(facts, variants=_variants(name))


def _facts(name: str, source: str, layers: int, width: int) -> Backbone:
    """Return the facts that all encoders of this family share."""
    return Backbone(
        name=name,
        family="text",
        source=source,
        checkpoint=source,
        revision="",
        input=INPUT,
        n_layers=layers,
        width=width,
        frame_shift_s=None,
        rate_hz=None,
        default_layers="last4",
        preprocessing={},
        variants=("like",),
    )


def reads_tokens(config: Any) -> bool:
    """Return whether a configuration describes a model over token ids."""
    return all(hasattr(config, name) for name in ("vocab_size", "hidden_size")) and not any(
        hasattr(config, name) for name in OTHER_SENSES
    )


def load(backbone: Backbone, layers: tuple[int, ...], device: str) -> "TextEncoder":
    """Read the weights and the tokenizer.

    Raises:
        CheckpointError: they cannot be read, or are incomplete.
    """
    model = load_model(backbone, device)
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
    if backbone.preprocessing.get(NORM) == "left out":
        model.final_norm = torch.nn.Identity()
    tokenizer = _tokenizer(checkpoint_of(backbone))
    published = backbone.preprocessing.get("like") == "medusa-published"
    return TextEncoder(model, tokenizer, layers, backbone.preprocessing["max_tokens"], published)


def _tokenizer(ref: CheckpointRef) -> Any:
    """Return the checkpoint's own tokenizer."""
    from transformers import AutoTokenizer

    return ref.read(AutoTokenizer, "the tokenizer")


def _max_tokens(config: Any, tokenizer: Any) -> int | None:
    """Return the largest number of tokens, special ones included, or None without a limit."""
    limits = [tokenizer.model_max_length]
    positions = getattr(config, "max_position_embeddings", None)
    if positions and positions > 0:
        offset = config.pad_token_id + 1 if config.model_type in OFFSET_POSITIONS else 0
        limits.append(positions - offset)
    return min(limits) if min(limits) < UNLIMITED else None


@dataclass(frozen=True)
class Tokens:
    """The token ids (S,) of a text, and the indices (T,) of those that become frames."""

    ids: Tensor
    kept: Tensor
    flags: tuple[str, ...]


class TextEncoder:
    """A Hugging Face encoder over tokens, with one frame for each token.

    The model reads the special tokens that the tokenizer adds; only these are left out of the
    features. A text without tokens becomes one frame, the state of the first special token
    (flag `empty`). Texts that exceed the model's limit are cut (flag `truncated`).

    Args:
        model: the model that `AutoModel` loads.
        tokenizer: the checkpoint's own tokenizer.
        layers: the layers to return, as in `docs/contracts.md`.
        max_tokens: the limit, special tokens included; None for no limit.
        published: follow the published code: leave out one real token at each end, too, and
            return one frame of zeros for a text without any other token.
    """

    batch_invariant = True

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        layers: tuple[int, ...],
        max_tokens: int | None,
        published: bool = False,
    ) -> None:
        self.model, self.tokenizer, self.published = model, tokenizer, published
        self.layers, self.max_tokens = layers, max_tokens
        self.lock = Lock()  # a fast tokenizer keeps its truncation setting between calls

    def prepare(self, source: str) -> Tokens:
        with self.lock:
            ids, special = self._tokenize(source, None)
            cut = self.max_tokens is not None and len(ids) > self.max_tokens
            if cut:
                ids, special = self._tokenize(source, self.max_tokens)
        kept = [index for index, added in enumerate(special) if not added]
        if self.published:
            kept = kept[1:-1]
        flags = (("truncated",) if cut else ()) + (() if kept else ("empty",))
        return Tokens(torch.tensor(ids or [self._start]), torch.tensor(kept or [0]), flags)

    def _tokenize(self, text: str, limit: int | None) -> tuple[list[int], list[int]]:
        """Return the token ids of a text, and for each a 1 if the tokenizer added it, else a 0."""
        encoding = self.tokenizer(
            text,
            return_special_tokens_mask=True,
            truncation=limit is not None,
            max_length=limit,
            verbose=False,
        )
        return encoding["input_ids"], encoding["special_tokens_mask"]

    @property
    def _start(self) -> int:
        """The token that represents an empty text if the tokenizer adds no special tokens."""
        tokenizer = self.tokenizer
        starts = (tokenizer.cls_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id, 0)
        return int(next(token for token in starts if token is not None))

    @torch.inference_mode()
    def encode(self, items: Sequence[Tokens]) -> list[Encoded]:
        lengths = torch.tensor([len(item.ids) for item in items])
        padding = self.tokenizer.pad_token_id or 0
        ids = pad_sequence([item.ids for item in items], batch_first=True, padding_value=padding)
        mask = torch.arange(ids.shape[1]) < lengths[:, None]
        device = self.model.device
        output = self.model(
            input_ids=ids.to(device),
            attention_mask=mask.to(device).long(),
            output_hidden_states=True,
        )
        states = (*output.hidden_states[:-1], output.last_hidden_state)
        kept = torch.stack([states[layer] for layer in self.layers], 1)
        return [
            Encoded(self._blank(values[:, item.kept.to(device)], item), item.flags)
            for values, item in zip(kept, items, strict=True)
        ]

    def _blank(self, values: Tensor, item: Tokens) -> Tensor:
        """Return zeros for an empty text in the published mode, else the values unchanged."""
        return torch.zeros_like(values) if self.published and "empty" in item.flags else values
