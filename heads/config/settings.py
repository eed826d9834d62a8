"""The settings of a head and of its training, and the reader of their YAML files."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from medusa.errors import ConfigError, nearest, plural
from medusa.heads.config.limits import out_of_range
from medusa.strict import parse, read_yaml, set_value

CONFIGS = Path(__file__).parent / "presets"


@dataclass(frozen=True)
class HeadConfig:
    """The settings of the network.

    The defaults are those of the paper (section 4), or of the published code if the paper has none.
    """

    name: str = "deepser"
    width: int = 1024
    layers: int = 2
    attention_heads: int = 1
    feedforward: int = 2048
    dropout: float = 0.1
    pooling: str = "mean"
    attribute_map: str = "linear"  # "sigmoid" is 1 + 6 sigmoid(.), as in the published code.
    average_frames: int = 1  # This many consecutive audio frames are averaged into one.
    standardise: bool = False  # Whether channels are scaled by training mean and deviation.


@dataclass(frozen=True)
class LossConfig:
    """The losses of equation 1: `class_weight` and `attribute_weight` multiply its two terms."""

    classes: str = "ce"
    class_weight: float = 1.5
    attributes: str = "mse"
    attribute_weight: float = 0.4
    focal_gamma: float = 2.0
    vector_gamma: float = 0.3
    vector_tau: float = 1.0
    neutral_weight: float = 0.0  # The loss of neutral against expressive, a separate output.
    secondary_weight: float = 0.0  # The loss of the raters' second choices, a separate output.


@dataclass(frozen=True)
class MixupConfig:
    """Manifold MixUp with probability `p` and lambda from Beta(alpha, alpha) (section 3.7)."""

    p: float = 0.3
    alpha: float = 0.2
    per: str = "sample"  # "batch" draws one lambda for the whole batch.


@dataclass(frozen=True)
class StageConfig:
    """One stage of training on the same weights."""

    name: str = "full"
    epochs: int = 4
    lr: float = 1e-5
    sampler: str = "shuffle"
    class_weights: float = 0.0  # The exponent of N / (C f_c). 0 gives uniform weights.
    no_consensus: float = 0.0  # The balanced sampler's rows without consensus per row of a class.
    start: str = "last"  # "best" starts from the best weights of the stage before.
    optimiser: str = "keep"  # "reset" starts with a new optimiser.
    schedule: str = "constant"  # "cosine" falls to `floor` times the rate at the stage's end.
    floor: float = 0.0
    warmup: float = 0.0  # The share of the stage's steps in which the rate rises from 0.
    clip: float | None = None  # The largest norm of the gradient.


@dataclass(frozen=True)
class TrainConfig:
    """The settings that all stages share."""

    batch: int = 16
    labels: str = "soft"  # "hard" trains on one-hot labels of the rows with a consensus.
    rows: str = "all"  # "consensus" trains only on rows with a consensus.
    annotator_dropout: float = 0.0  # The probability that a rater's vote is left out.
    weight_decay: float = 0.01
    patience: int = 8  # This many epochs without a better score end a stage.
    label_smoothing: float = 0.0
    selection: str = "balanced"  # Draws of the dev split. "natural" scores the whole split.
    average: str = "none"  # "ema" and "swa" score and keep mean weights.
    decay: float = 0.999  # The decay of "ema".
    micro: int | None = None  # The utterances on the device at a time, by default the batch.
    folds: int = 0  # With 2 or more, the training split is also predicted out of fold.
    draws: int = 20  # The score averages this many balanced draws of the dev split.
    compile: bool = False  # Whether torch.compile compiles frame-by-frame operations.
    per_class: int | None = None  # Rows per class in a draw, by default the rarest class's count.


@dataclass(frozen=True)
class Config:
    """The whole configuration, which is one YAML file."""

    seed: int = 0
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
        ConfigError: there is no such configuration, or keys or values are wrong.
    """
    path = file_of(name)
    if not path.is_file():
        shipped = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
        hint = nearest(name, shipped)
        raise ConfigError(f"no configuration {name!r}{hint}: give a file or {', '.join(shipped)}")
    try:
        values = read_yaml(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path}: not readable as YAML: {problem}") from problem
    problems = [line for override in overrides for line in set_value(values, override)]
    config: Config = parse(Config, values, "", problems)
    problems += out_of_range(config.to_dict()) if config else []
    if problems:
        where = f"{path.name} with what was set" if overrides else path.name
        raise ConfigError("\n  ".join([f"{where}: {plural(len(problems), 'problem')}:", *problems]))
    return config
