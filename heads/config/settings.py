"""The settings of a head and of its training, and the reader of their YAML files."""

import dataclasses
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from medusa.errors import ConfigError, nearest, plural
from medusa.strict import Allowed, KeyOf, parse, read_yaml_file, set_value, unknown_keys

CONFIGS = Path(__file__).parent / "presets"

STATISTIC = re.compile(r"(delta_)?(mean|deviation)|q(\d\d?|100)")
# A field's type declares its allowed values. Any finite number is allowed where it declares none.
AT_LEAST_1 = Allowed("at least 1", lambda value: value >= 1)
NOT_NEGATIVE = Allowed("0 or more", lambda value: value >= 0)
POSITIVE = Allowed("more than 0", lambda value: value > 0)
SHARE = Allowed("a number from 0 to 1", lambda value: 0 <= value <= 1)
BELOW_1 = Allowed("from 0 to below 1", lambda value: 0 <= value < 1)
SEED = Allowed("from 0 to below 2**63", lambda value: 0 <= value < 2**63)
EACH_AT_LEAST_1 = Allowed("a list of numbers, each at least 1", lambda ns: all(n >= 1 for n in ns))
FOLDS = Allowed("0, or 2 or more", lambda value: value == 0 or value >= 2)
STATISTICS = Allowed(
    "a list of mean, deviation, delta_mean, delta_deviation, and q0 to q100 (quantiles), each once",
    lambda names: len(set(names)) == len(names) and all(map(STATISTIC.fullmatch, names)),
)
WORD = Allowed("one word, which becomes part of a file's name", re.compile(r"[\w-]+").fullmatch)


@dataclass(frozen=True)
class HeadConfig:
    """The settings of the network.

    The defaults are those of the paper (section 4), or of the published code if the paper has none.
    """

    # The network, or the classifier, that reads the features.
    name: Annotated[str, KeyOf("medusa.heads.networks.head", "HEADS")] = "deepser"
    # The width of the hidden layers.
    width: Annotated[int, AT_LEAST_1] = 1024
    # The number of transformer or recurrent layers.
    layers: Annotated[int, AT_LEAST_1] = 2
    # The attention heads of each transformer layer.
    attention_heads: Annotated[int, AT_LEAST_1] = 1
    # The width of the feed-forward part of each transformer layer.
    feedforward: Annotated[int, AT_LEAST_1] = 2048
    # The probability that a value is set to zero in training.
    dropout: Annotated[float, BELOW_1] = 0.1
    # How the frames of an utterance become one vector.
    pooling: Annotated[str, KeyOf("medusa.heads.networks.pooling", "POOLS")] = "mean"
    # The statistics over time of `pooling: functionals`.
    functionals: Annotated[tuple[str, ...], STATISTICS] = (
        "mean",
        "deviation",
        "delta_mean",
        "delta_deviation",
        "q10",
        "q50",
        "q90",
    )
    # "sigmoid" is 1 + 6 sigmoid(.), as in the published code.
    attribute_map: Annotated[str, KeyOf("medusa.heads.networks.output", "ATTRIBUTE_MAPS")] = (
        "linear"
    )
    average_frames: Annotated[int, AT_LEAST_1] = 1  # So many audio frames are averaged into one.
    standardise: bool = False  # Whether channels are scaled by training mean and deviation.
    # Whether audio channels are first scaled by the mean and deviation of each speaker.
    normalise_speakers: bool = False
    # Whether each layer of a weighted sum of layers is layer-normalised first (s3prl).
    normalise_layers: bool = False
    # The attention heads of every modality of a cross-attention. One number holds for all.
    heads_by_modality: Annotated[tuple[int, ...], EACH_AT_LEAST_1] = (1,)


@dataclass(frozen=True)
class LossConfig:
    """The losses of equation 1: `class_weight` and `attribute_weight` multiply its two terms."""

    # The loss of the classes.
    classes: Annotated[str, KeyOf("medusa.heads.training.loss", "CLASS_LOSSES")] = "ce"
    # The factor of the loss of the classes.
    class_weight: Annotated[float, NOT_NEGATIVE] = 1.5
    # The loss of arousal, valence and dominance.
    attributes: Annotated[str, KeyOf("medusa.heads.training.loss", "ATTRIBUTE_LOSSES")] = "mse"
    # The factor of the loss of the attributes.
    attribute_weight: Annotated[float, NOT_NEGATIVE] = 0.4
    # The exponent of the focal loss.
    focal_gamma: Annotated[float, NOT_NEGATIVE] = 2.0
    # The exponent of the factors of the vector-scaling loss.
    vector_gamma: Annotated[float, NOT_NEGATIVE] = 0.3
    # The weight of the shifts of the vector-scaling loss.
    vector_tau: Annotated[float, NOT_NEGATIVE] = 1.0
    # The loss of neutral against expressive, a separate output.
    neutral_weight: Annotated[float, NOT_NEGATIVE] = 0.0
    # The loss of the raters' second choices, a separate output.
    secondary_weight: Annotated[float, NOT_NEGATIVE] = 0.0


@dataclass(frozen=True)
class MixupConfig:
    """Manifold MixUp with probability `p` and lambda from Beta(alpha, alpha) (section 3.7)."""

    # The probability that a batch is mixed.
    p: Annotated[float, SHARE] = 0.3
    # The parameter of the Beta distribution of lambda.
    alpha: Annotated[float, POSITIVE] = 0.2
    per: Literal["sample", "batch"] = "sample"  # "batch" draws one lambda for the whole batch.
    # So many utterances are mixed among themselves, by default the whole batch.
    within: Annotated[int | None, AT_LEAST_1] = None


@dataclass(frozen=True)
class StageConfig:
    """One stage of training on the same weights."""

    # The name of the stage, for logs and files.
    name: Annotated[str, WORD] = "full"
    # The largest number of epochs.
    epochs: Annotated[int, AT_LEAST_1] = 4
    # The learning rate.
    lr: Annotated[float, POSITIVE] = 1e-5
    # Which rows an epoch reads.
    sampler: Annotated[str, KeyOf("medusa.heads.examples.sampling", "SAMPLERS")] = "shuffle"
    class_weights: float = 0.0  # The exponent of N / (C f_c). 0 gives uniform weights.
    # The rows without consensus that a sampler draws, as a share of the rows of one class.
    no_consensus: Annotated[float, NOT_NEGATIVE] = 0.0
    # "best" starts from the best weights of the stage before.
    start: Literal["last", "best"] = "last"
    optimiser: Literal["keep", "reset"] = "keep"  # "reset" starts with a new optimiser.
    # "cosine" falls to `floor` times the rate at the stage's end.
    schedule: Annotated[str, KeyOf("medusa.heads.training.step", "SCHEDULES")] = "constant"
    # The share of the rate that remains at the end of the schedule.
    floor: Annotated[float, SHARE] = 0.0
    warmup: Annotated[float, SHARE] = 0.0  # The share of the steps in which the rate rises from 0.
    clip: Annotated[float | None, POSITIVE] = None  # The largest norm of the gradient.


@dataclass(frozen=True)
class TrainConfig:
    """The settings that all stages share."""

    # The number of utterances in a batch.
    batch: Annotated[int, AT_LEAST_1] = 16
    # "hard" trains on one-hot labels of the rows with a consensus.
    labels: Literal["soft", "hard"] = "soft"
    # "consensus" trains only on rows with a consensus.
    rows: Literal["all", "consensus"] = "all"
    # The probability that a rater's vote is left out.
    annotator_dropout: Annotated[float, BELOW_1] = 0.0
    # The weight decay of AdamW.
    weight_decay: Annotated[float, NOT_NEGATIVE] = 0.01
    # The learning rate of the weights of a learned sum of layers is so many times the stage's rate.
    layer_rate: Annotated[float, POSITIVE] = 30.0
    patience: Annotated[int, AT_LEAST_1] = 8  # So many epochs without a better score end a stage.
    # The share of each label that is spread over all classes.
    label_smoothing: Annotated[float, SHARE] = 0.0
    # "balanced" scores draws of the dev split, "natural" the whole split.
    selection: Literal["balanced", "natural"] = "balanced"
    # "ema" and "swa" score and keep mean weights.
    average: Annotated[str, KeyOf("medusa.heads.training.step", "AVERAGES")] = "none"
    decay: Annotated[float, BELOW_1] = 0.999  # The decay of "ema".
    # The utterances on the device at a time, by default the batch.
    micro: Annotated[int | None, AT_LEAST_1] = None
    # With 2 or more, the training split is also predicted out of fold.
    folds: Annotated[int, FOLDS] = 0
    draws: Annotated[int, AT_LEAST_1] = 20  # The score averages so many draws of the dev split.
    compile: bool = False  # Whether torch.compile compiles frame-by-frame operations.
    # The rows per class in a draw, by default the count of the rarest class.
    per_class: Annotated[int | None, AT_LEAST_1] = None
    # So many training rows of every class are drawn, and nothing else is learned from.
    shots: Annotated[int | None, AT_LEAST_1] = None


@dataclass(frozen=True)
class Config:
    """The whole configuration, which is one YAML file."""

    seed: Annotated[int, SEED] = 0
    head: HeadConfig = field(default_factory=HeadConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    mixup: MixupConfig = field(default_factory=MixupConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    stages: tuple[StageConfig, ...] = (StageConfig(),)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, which are written into a run's folder."""
        return dataclasses.asdict(self)


def file_of(name: str) -> Path:
    """Return the file of a shipped configuration, or else the name as a path."""
    shipped = CONFIGS / f"{name}.yaml"
    return shipped if shipped.exists() else Path(name)


def load(name: str, overrides: tuple[str, ...] = ()) -> Config:
    """Read a shipped configuration by name, or a YAML file, and apply `key=value` overrides.

    Args:
        name: the name `medusa` or `small`, or the path of a file.
        overrides: assignments to dotted keys such as `head.width=256` and `stages.1.lr=1e-4`. The
            items of a list are numbered from 0.

    Raises:
        ConfigError: there is no such configuration, or keys or values are wrong. `check_choices`
            refuses unknown names of heads, losses and the like, whose modules import torch.
    """
    path = file_of(name)
    if not path.is_file():
        shipped = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
        hint = nearest(name, shipped)
        raise ConfigError(f"no configuration {name!r}{hint}: give a file or {', '.join(shipped)}")
    values = read_yaml_file(path)
    problems = [line for override in overrides for line in set_value(values, override)]
    config: Config = parse(Config, values, "", problems)
    if problems and config:
        problems += unknown_keys(config)
    if problems:
        where = f"{path.name} with what was set" if overrides else path.name
        raise ConfigError("\n  ".join([f"{where}: {plural(len(problems), 'problem')}:", *problems]))
    return config
