"""An estimate of the bytes and frames that an extraction will store."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from medusa.cache import FeatureSpec, FeatureStore
from medusa.cache.layout import store_bytes
from medusa.errors import CheckpointError
from medusa.extract.backbones import describe, family_of
from medusa.extract.encoders import Backbone, parse_layers, variant
from medusa.extract.extraction_options import ExtractionOptions
from medusa.manifests import Manifest
from medusa.workspace import Workspace

TOKENS_A_WORD = 1.3  # the byte-pair tokens of an English word
WORDS_A_SECOND = 2.6  # the rate of spontaneous speech
MAX_IMAGINED = 200_000  # a larger corpus has entries that stand for several utterances


@dataclass(frozen=True)
class CorpusSize:
    """The seconds of every utterance to be encoded, and its text if it is known.

    In an imagined corpus, each entry may stand for several utterances.
    """

    seconds: Sequence[float]
    texts: Sequence[str] | None = None
    each: float = 1.0

    @classmethod
    def of_size(cls, utterances: int, hours: float) -> "CorpusSize":
        """Return an imagined corpus of this size, whose utterances are equally long."""
        shown = min(utterances, MAX_IMAGINED)
        return cls([hours * 3600 / utterances] * shown, each=utterances / shown)

    @property
    def count(self) -> int:
        """The number of utterances."""
        return round(len(self.seconds) * self.each)

    @property
    def all_s(self) -> float:
        """The total seconds of all utterances."""
        return sum(self.seconds) * self.each


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


def estimate_of(
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


def corpus_of(
    workspace: Workspace,
    text: str | None,
    utterances: int | None,
    hours: float | None,
    reading: bool,
) -> CorpusSize:
    """Return the size of the workspace's corpus, or of an imagined corpus.

    Args:
        workspace: the workspace with the manifest.
        text: the source of the texts.
        utterances: the number of utterances of an imagined corpus, given with `hours`.
        hours: the hours of speech of an imagined corpus.
        reading: whether a backbone reads texts.
    """
    if utterances is not None and hours is not None:
        return CorpusSize.of_size(utterances, hours)
    manifest = Manifest.read(workspace.manifest)
    seconds = manifest.frame["duration_s"].fillna(0.0).tolist()
    if not reading:
        return CorpusSize(seconds)
    from medusa.manifests.texts import texts_of

    _, by_id = texts_of(manifest, workspace.transcripts, text)
    return CorpusSize(seconds, by_id.tolist() if by_id.notna().all() else None)
