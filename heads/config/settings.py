"""What a head is and how it is trained: plain fields, read strictly from YAML."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from medusa.errors import MedusaError, nearest, plural
from medusa.heads.config.limits import out_of_range
from medusa.strict import parse, read_yaml, set_value

CONFIGS = Path(__file__).parent / "presets"


class ConfigError(MedusaError):
    """A configuration with unknown keys or impossible values; all of them are listed."""


@dataclass(frozen=True)
class HeadConfig:
    """The network. Defaults: the paper's (section 4), else the published code's."""

    name: str = "deepser"
    width: int = 1024
    layers: int = 2
    attention_heads: int = 1
    feedforward: int = 2048
    dropout: float = 0.1
    pooling: str = "mean"
    attribute_map: str = "linear"  # "sigmoid": 1 + 6 sigmoid(.), as the published code
    average_frames: int = 1  # consecutive audio frames averaged into one before the head
    standardise: bool = False  # subtract the training mean of each channel, divide by its deviation


@dataclass(frozen=True)
class LossConfig:
    """Equation 1: `class_weight` times the class loss plus `attribute_weight` times the other."""

    classes: str = "ce"
    class_weight: float = 1.5
    attributes: str = "mse"
    attribute_weight: float = 0.4
    focal_gamma: float = 2.0
    vector_gamma: float = 0.3
    vector_tau: float = 1.0
    neutral_weight: float = 0.0  # neutral against expressive, on an output of its own
    secondary_weight: float = 0.0  # second choices of the raters, on an output of their own


@dataclass(frozen=True)
class MixupConfig:
    """Manifold MixUp (section 3.7): with probability `p`, lambda from Beta(alpha, alpha)."""

    p: float = 0.3
    alpha: float = 0.2
    per: str = "sample"  # or "batch": one lambda for all


@dataclass(frozen=True)
class StageConfig:
    """One stage of training on the same weights."""

    name: str = "full"
    epochs: int = 4
    lr: float = 1e-5
    sampler: str = "shuffle"
    class_weights: float = 0.0  # exponent of N / (C f_c); 0: uniform
    no_consensus: float = 0.0  # balanced sampler: rows without consensus, as a share of a class
    start: str = "last"  # or "best": go on from the best weights of the stage before
    optimiser: str = "keep"  # or "reset"
    schedule: str = "constant"  # or "cosine": down to `floor` times the rate at the stage's end
    floor: float = 0.0
    warmup: float = 0.0  # share of the stage's steps in which the rate rises from 0
    clip: float | None = None  # largest norm of the gradient


@dataclass(frozen=True)
class TrainConfig:
    """What is the same in all stages."""

    batch: int = 16
    labels: str = "soft"  # or "hard": one-hot consensus; rows without consensus are left out
    rows: str = "all"  # or "consensus": those without one train nothing
    annotator_dropout: float = 0.0  # each rater's vote is left out with this probability
    weight_decay: float = 0.01
    patience: int = 8  # epochs without a better score that end a stage
    label_smoothing: float = 0.0
    selection: str = "balanced"  # draws of the dev split; or "natural": all of it, as it is
    average: str = "none"  # or "ema", "swa": mean weights are judged and kept
    decay: float = 0.999  # of ema
    micro: int | None = None  # utterances on the device at once; default: the batch, while it fits
    folds: int = 0  # 2 or more: the training split is predicted out of fold as well
    draws: int = 20  # balanced draws of the dev split behind the score
    compile: bool = False  # torch.compile what is done frame by frame
    per_class: int | None = None  # rows a class in a draw; default: the rarest class's number


@dataclass(frozen=True)
class Config:
    """All of it: one YAML file."""

    seed: int = 0
    head: HeadConfig = field(default_factory=HeadConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    mixup: MixupConfig = field(default_factory=MixupConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    stages: tuple[StageConfig, ...] = (StageConfig(),)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as they are written into a run."""
        return dataclasses.asdict(self)


def file_of(name: str) -> Path:
    """Return the file of a shipped configuration, else the path that the name is."""
    shipped = CONFIGS / f"{name}.yaml"
    return shipped if shipped.exists() else Path(name)


def load(name: str, overrides: tuple[str, ...] = ()) -> Config:
    """Read a shipped configuration by name, or a YAML file, and apply `key=value` overrides.

    Args:
        name: `medusa`, `small`, or the path of a file.
        overrides: dotted keys, list items by number: `head.width=256`, `stages.1.lr=1e-4`.

    Raises:
        ConfigError: no such configuration, or any number of wrong keys and values.
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
