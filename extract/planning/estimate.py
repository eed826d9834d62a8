"""An estimate of the bytes and frames that an extraction will store."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from medusa.cache import FeatureSpec, FeatureStore
from medusa.cache.size import store_bytes
from medusa.errors import CheckpointError
from medusa.extract.backbones import describe, family_of
from medusa.extract.encoders import Backbone, parse_layers, variant
from medusa.extract.extraction_options import ExtractionOptions
from medusa.extract.planning.corpus_size import CorpusSize

TOKENS_A_WORD = 1.3  # the byte-pair tokens of an English word
WORDS_A_SECOND = 2.6  # the rate of spontaneous speech


@dataclass(frozen=True)
class Estimate:
    """One backbone's plan.

    Attributes:
        backbone: the facts of the encoder.
        spec: the identity of the store.
        frames: the frames of all utterances.
        sizes: the bytes of each array, and of the index.
        notes: the assumptions that were made.
    """

    backbone: Backbone
    spec: FeatureSpec
    frames: int
    sizes: dict[str, int]
    notes: list[str]

    @property
    def bytes(self) -> int:
        return sum(self.sizes.values())


def estimate(
    corpus: CorpusSize,
    name: str,
    options: ExtractionOptions | None = None,
) -> Estimate:
    """Return the frames and bytes of one backbone's store.

    Args:
        corpus: the utterances that will be encoded.
        name: the backbone.
        options: the choices of the extraction.

    Raises:
        MedusaError: there is no such backbone, layer or variant.
    """
    options = options or ExtractionOptions()
    backbone, notes = facts(name, options.checkpoint, options.revision)
    backbone = variant(backbone, **options.variants("fp32"))
    kept = parse_layers(options.layers or backbone.default_layers, backbone.n_layers)
    spec = backbone.spec(kept, options.reduce, options.dtype)
    if backbone.input == "audio":
        lengths = [backbone.frames(seconds) for seconds in corpus.seconds]
    else:
        lengths, assumed = tokens(backbone, corpus)
        notes += assumed
    sizes = store_bytes(spec, lengths)
    sizes = {array: round(size * corpus.each) for array, size in sizes.items()}
    return Estimate(backbone, spec, round(sum(lengths) * corpus.each), sizes, notes)


def estimate_of_store(store: FeatureStore) -> Estimate:
    """Return the frames and bytes of a store that exists, whatever its backbone is called."""
    spec, lengths = store.spec, store.lengths(list(store.index.rows)).tolist()
    backbone = Backbone(
        name=spec.backbone,
        family=spec.family,
        source="",
        checkpoint=spec.checkpoint,
        revision=spec.revision,
        input=spec.input,
        n_layers=max(spec.layers),
        width=spec.width,
        frame_shift_s=spec.frame_shift_s,
        rate_hz=None,
        default_layers="last",
        preprocessing=spec.preprocessing,
    )
    return Estimate(backbone, spec, sum(lengths), store_bytes(spec, lengths), [])


def facts(name: str, checkpoint: str | None, revision: str | None) -> tuple[Backbone, list[str]]:
    """Return a backbone and notes on assumptions; an absent checkpoint has its published facts."""
    try:
        return describe(name, checkpoint, revision), []
    except CheckpointError:
        backbone_family = family_of(name)
        if checkpoint or not backbone_family.CHECKPOINTS[name].layers:
            raise
    note = (
        f"{backbone_family.CHECKPOINTS[name].source} is not at hand: its published size is assumed"
    )
    return backbone_family.published(name), [note]


def tokens(backbone: Backbone, corpus: CorpusSize) -> tuple[list[int], list[str]]:
    """Return the number of tokens of every text, and notes on assumptions.

    The tokenizer counts them. Without a tokenizer or without texts, they are estimated.
    """
    if corpus.texts is None:
        rate = WORDS_A_SECOND * TOKENS_A_WORD
        note = f"no transcripts yet: {rate:.1f} tokens a second are assumed"
        return [max(1, round(seconds * rate)) for seconds in corpus.seconds], [note]
    counted = _tokenizer(backbone)
    if counted is None:
        note = f"no tokenizer at hand: {TOKENS_A_WORD} tokens a word are assumed"
        return [max(1, round(len(t.split()) * TOKENS_A_WORD)) for t in corpus.texts], [note]
    return [max(1, len(ids)) for ids in counted(list(corpus.texts))["input_ids"]], []


def _tokenizer(backbone: Backbone) -> Any:
    """Return the tokenizer of a backbone, with its limit, or None if its checkpoint is absent."""
    from transformers import AutoTokenizer

    if not backbone.revision:  # published facts have no revision
        return None
    revision = None if backbone.checkpoint == "local" else backbone.revision
    tokenizer: Any = AutoTokenizer.from_pretrained(
        backbone.source, revision=revision, trust_remote_code=False
    )
    limit = backbone.preprocessing.get("max_tokens")
    return partial(
        tokenizer,
        add_special_tokens=False,
        truncation=limit is not None,
        max_length=limit and limit - tokenizer.num_special_tokens_to_add(),
        verbose=False,
    )
