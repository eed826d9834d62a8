"""Estimate the disk space, memory and hours of a recipe before anything runs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from medusa.extract.planning.estimate import CorpusSize, Estimate
from medusa.extract.planning.operations import (
    EXTRACT_MFU,
    WHISPER_RATE,
    DeviceProfile,
    extract_hours,
    whisper_frames,
)
from medusa.heads.config import Config
from medusa.heads.networks.flops import train_flop
from medusa.heads.networks.head import HEADS, average_frames_of, build
from medusa.recipes.definition.recipe import Recipe
from medusa.recipes.tasks import HeadTask, head_tasks

TRAIN, DEV, BALANCED = 0.75, 0.08, 0.10  # assumed shares, if only the size of the corpus is known
HEAD_MFU = 0.45  # the share of the device's peak that we assume
SAMPLED = 12  # utterances on which operations are counted
WINDOW_S = 30.0  # of every published Whisper
WHISPER = (32, 1280, 51_866)  # layers, width and vocabulary of large-v3's encoder and decoder
DECODE_MFU = 0.02  # the share of the peak in greedy decoding, which waits for memory
TOKENS_S = 4.0  # tokens of text in a second of speech
SAVED = 34  # values that the backward pass keeps per token, layer and unit of width
RECURRENT = 2.0  # the cost of a recurrent head relative to a transformer of its size


@dataclass(frozen=True)
class SplitSizes:
    """The number of utterances in train, in a balanced epoch, and in dev."""

    train: int
    balanced: int
    dev: int


@dataclass(frozen=True)
class HeadPlan:
    """The costs of one head: its parameters, its memory on the device and its hours."""

    task: HeadTask
    parameters: int
    memory_gb: float
    hours: float


@dataclass(frozen=True)
class Plan:
    """The costs of a whole recipe.

    Attributes:
        features: feature -> the estimate of its store, and its hours.
        heads: the costs of every head, ablation and repeat.
        transcription: the hours of Whisper, if the recipe reads text and the corpus has none.
        missing: feature -> the share of the utterances that lack it; 1 for a feature that is not
            listed.
    """

    features: dict[str, tuple[Estimate, float]]
    heads: list[HeadPlan]
    transcription: float = 0.0
    missing: dict[str, float] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one, _ in self.features.values())

    @property
    def to_make(self) -> tuple[float, float]:
        """Return the bytes and the hours of the missing features."""
        shares = [self.missing.get(name, 1.0) for name in self.features]
        parts = list(zip(shares, self.features.values(), strict=True))
        size = sum(share * one.bytes for share, (one, _) in parts)
        return size, sum(share * hours for share, (_, hours) in parts)


def plan(
    recipe: Recipe,
    sizes: dict[str, Estimate],
    corpus: CorpusSize,
    rows: SplitSizes,
    profile: DeviceProfile,
) -> Plan:
    """Estimate the costs of a recipe.

    Args:
        recipe: the recipe.
        sizes: feature -> the estimate of its store.
        corpus: the seconds of every utterance.
        rows: the sizes of its splits.
        profile: the device.
    """
    features = {name: (size, extract_hours(size, corpus, profile)) for name, size in sizes.items()}
    found: dict[tuple[object, ...], tuple[int, float, float]] = {}
    heads = []
    for task in head_tasks(recipe):
        key = (task.features, task.config.head, task.config.stages, task.config.train)
        if key not in found:
            read = [(features[name][0], layers) for name, layers in modalities(task, features)]
            found[key] = _head(task.config, read, corpus.count, rows, profile)
        heads.append(HeadPlan(task, *found[key]))
    reads = any(size.spec.input == "text" for size, _ in features.values())
    reads = reads and corpus.texts is None
    return Plan(features, heads, transcription_hours(corpus, profile) if reads else 0.0)


def transcription_hours(corpus: CorpusSize, profile: DeviceProfile) -> float:
    """Return the hours of greedy transcription with Whisper large-v3."""
    layers, width, vocabulary = WHISPER
    frames = whisper_frames(corpus, WINDOW_S)
    # These are the operations of the encoder, and of the decoder's keys and values of every frame.
    encoder_flop = (
        frames * layers * (24 * width**2 + 4 * width * WINDOW_S * WHISPER_RATE + 4 * width**2)
    )
    weights = layers * 14 * width**2 + vocabulary * width
    decoder_flop = corpus.all_s * TOKENS_S * 2 * weights
    return (encoder_flop / EXTRACT_MFU + decoder_flop / DECODE_MFU) / profile.flop_s / 3600


def modalities(
    task: HeadTask, features: dict[str, tuple[Estimate, float]]
) -> list[tuple[str, int]]:
    """Return the feature of each modality of a head, and how many layers the modality sums.

    `:each` becomes one modality per layer.
    """
    found = []
    for one in task.features:
        name, _, layer = one.partition(":")
        stored = max(1, len(features[name][0].sizes) - 1)
        summed = stored if layer == "*" else layer.count("+") + 1
        found += [(name, summed)] * (stored if layer == "each" else 1)
    return found


def sizes_of(count: int) -> SplitSizes:
    """Return the usual splits of a corpus if only its size is known."""
    return SplitSizes(round(TRAIN * count), round(BALANCED * count), round(DEV * count))


def _head(
    config: Config,
    read: Sequence[tuple[Estimate, int]],
    count: int,
    rows: SplitSizes,
    profile: DeviceProfile,
) -> tuple[int, float, float]:
    """Return the parameters, the memory in GB and the hours of one head, from mean lengths."""
    layers, widths = [summed for _, summed in read], [one.spec.width for one, _ in read]
    stride = average_frames_of(config.head)
    lengths = [
        max(1, round(one.frames / count / (stride if one.spec.frame_shift_s else 1)))
        for one, _ in read
    ]
    with torch.device("meta"):
        head = build(config.head, widths, 8, layers=layers)
    widths = [summed * width for summed, width in zip(layers, widths, strict=True)]
    parameters = sum(one.numel() for one in head.parameters())
    flop = train_flop(head, [lengths], widths)
    if flop is None:
        flop = RECURRENT * 6.0 * parameters * sum(lengths) / max(1, len(lengths))
    memory = (16 * parameters + kept_bytes(config, lengths, widths)) / 1e9
    fitted_by, wide = HEADS[config.head.name].fitted_by, head.fusion.out_width
    if fitted_by == "rows":
        # The rows are kept in doubles, with a scaled copy, and compared pair by pair.
        flop, memory = 2.0 * wide * rows.train, memory + 16 * wide * rows.train / 1e9
    elif fitted_by == "moments":
        # The head sums products of channels in doubles. Solving it needs six such matrices.
        flop, memory = 2.0 * wide**2, memory + 48 * wide**2 / 1e9
    work = _passes(config, rows) * flop
    return parameters, memory, work / (profile.flop_s * HEAD_MFU) / 3600


def _passes(config: Config, rows: SplitSizes) -> float:
    """Return the number of utterances that a head reads, summed over all epochs."""
    heads = 1 + config.train.folds
    if HEADS[config.head.name].fitted_by != "steps":
        return float(rows.train * heads)
    seen = sum(
        stage.epochs
        * (rows.train if stage.sampler not in ("balanced", "subset") else rows.balanced)
        for stage in config.stages
    )
    epochs = sum(stage.epochs for stage in config.stages)
    return (seen + epochs * rows.dev / 3) * heads


def kept_bytes(config: Config, lengths: Sequence[int], widths: Sequence[int]) -> float:
    """Return the bytes that a step's backward pass keeps, for utterances of these lengths."""
    if not HEADS[config.head.name].layers_over_frames:
        return 8.0 * config.train.batch * sum(n * d for n, d in zip(lengths, widths, strict=True))
    tokens = 2 * sum(lengths) * (1 + config.head.layers / 2) * config.train.batch
    return tokens * config.head.layers * config.head.width * SAVED * 2
