"""How many bytes and frames an extraction will store, before it begins."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from medusa.cache import FeatureSpec
from medusa.cache.size import store_bytes
from medusa.errors import CheckpointError, MedusaError
from medusa.extract.backbones import checkpoints, describe
from medusa.extract.encoders import Backbone, frames_averaged, parse_layers, variant
from medusa.extract.extraction_options import ExtractionOptions
from medusa.extract.inputs import Utterance
from medusa.extract.planning.corpus_size import CorpusSize
from medusa.extract.planning.jobs import ExtractionJob

# Layers and width of the hub's checkpoints, for planning where they are not on this machine
PUBLISHED = {
    "wavlm": (24, 1024),
    "hubert": (24, 1024),
    "hubert-xlarge": (48, 1280),
    "wav2vec2": (24, 1024),
    "data2vec-audio": (24, 1024),
    "whisper": (32, 1280),
    "roberta": (24, 1024),
    "modernbert": (28, 1024),
    "deberta": (24, 1536),
    "bert": (24, 1024),
}
TEXT = ("roberta", "modernbert", "deberta", "bert")
RATE_HZ, HOP, FIELD = 16_000, 320, 400  # 50 frames/s; receptive field of the sample encoders
TOKENS_A_WORD = 1.3  # of English, for the byte-pair encoders above
WINDOW_S = 30.0  # of every published Whisper
WORDS_A_SECOND = 2.6  # of spontaneous speech
CHARACTERS_A_TOKEN = 4


@dataclass(frozen=True)
class Estimate:
    """One backbone's plan.

    Attributes:
        spec: the identity of the store.
        frames: the frames of all utterances.
        sizes: the bytes of each array, and of the index.
        notes: the assumptions that were made.
    """

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
        MedusaError: no such backbone, layers or variant.
    """
    options = options or ExtractionOptions()
    backbone, notes = facts(name, options.checkpoint, options.revision)
    backbone = variant(backbone, **options.variants("fp32"))
    kept = parse_layers(options.layers or backbone.default_layers, backbone.n_layers)
    spec = backbone.spec(kept, options.reduce, options.dtype)
    if backbone.input == "audio":
        lengths = [frames(backbone, seconds) for seconds in corpus.seconds]
    else:
        lengths, assumed = tokens(backbone, corpus)
        notes += assumed
    sizes = store_bytes(spec, lengths)
    sizes = {array: round(size * corpus.each) for array, size in sizes.items()}
    return Estimate(spec, round(sum(lengths) * corpus.each), sizes, notes)


def reads_text(name: str, checkpoint: str | None) -> bool:
    """Whether a backbone's input is text; only `auto` has to look at its checkpoint."""
    return name in TEXT or (name == "auto" and facts(name, checkpoint, None)[0].input == "text")


def facts(name: str, checkpoint: str | None, revision: str | None) -> tuple[Backbone, list[str]]:
    """Return a backbone from its configuration, or from the facts of the published one."""
    try:
        return describe(name, checkpoint, revision), []
    except CheckpointError:
        if checkpoint or name not in PUBLISHED:
            raise
    count, width = PUBLISHED[name]
    text = name in TEXT
    backbone = Backbone(
        name=name,
        family="text" if text else "whisper" if name == "whisper" else "ssl",
        source=checkpoints()[name],
        checkpoint=checkpoints()[name],
        revision="",
        input="text" if text else "audio",
        n_layers=count,
        width=width,
        frame_shift_s=None if text else HOP / RATE_HZ,
        rate_hz=None if text else RATE_HZ,
        default_layers="last" if name == "whisper" else "last4",
        preprocessing={"window_s": WINDOW_S} if name == "whisper" else {},
        least_s=WINDOW_S if name == "whisper" else 0.0,
    )
    return backbone, [f"{checkpoints()[name]} is not at hand: its published size is assumed"]


def frames(backbone: Backbone, seconds: float) -> int:
    """Return the frames that are stored of a clip: one without a frame shift (functionals).

    Sample encoders see whole receptive fields only; Whisper as published keeps whole windows.
    """
    if backbone.frame_shift_s is None:
        return 1
    samples = round(seconds * RATE_HZ)
    if backbone.family == "ssl":
        count = (samples - FIELD) // HOP + 1
    else:
        padded = backbone.family.startswith("whisper") and "like" in backbone.preprocessing
        window = round(backbone.least_s * RATE_HZ) if padded else HOP
        count = -(-samples // window) * window // HOP
    return -(-max(1, count) // frames_averaged(backbone))


def tokens(backbone: Backbone, corpus: CorpusSize) -> tuple[list[int], list[str]]:
    """Return the tokens of every text: counted where there is a tokenizer, else from words."""
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
    from transformers import AutoTokenizer

    if not backbone.revision:  # assumed from PUBLISHED: nothing is at hand
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


def require_room(folder: Path, needed: float) -> None:
    """Raise an error if the disk of a folder has fewer free bytes than features need."""
    if needed > (free := free_bytes(folder)):
        raise MedusaError(
            f"{folder}: the features need {needed / 1e9:.2f} GB and {free / 1e9:.2f} GB are free; "
            "use another disk (medusa.yaml), make room, or keep less (--layers, --reduce, "
            "--set dtype=int8)"
        )


def bytes_of(job: ExtractionJob, missing: Sequence[Utterance]) -> int:
    """Return about how many bytes these utterances will take in a job's store."""
    if job.spec.input == "audio":
        lengths = [frames(job.backbone, one.seconds) for one in missing]
    else:
        lengths = [len(str(one.source)) // CHARACTERS_A_TOKEN + 1 for one in missing]
    return sum(store_bytes(job.spec, lengths).values())


def free_bytes(folder: Path) -> int:
    """Return the room on the disk that will hold a folder, also before it is made."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
