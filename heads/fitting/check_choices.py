"""Which names a configuration may choose from: the keys of the dictionaries that define them."""

import re

from medusa.errors import ConfigError, nearest
from medusa.heads.config import Config
from medusa.heads.examples.sampling import SAMPLERS
from medusa.heads.fitting.head_choices import Choice, head_choices, head_problems
from medusa.heads.training.class_losses import CLASS_LOSSES
from medusa.heads.training.loss import ATTRIBUTE_LOSSES
from medusa.heads.training.schedule import SCHEDULES
from medusa.heads.training.weight_average import AVERAGES


def check_choices(config: Config) -> None:
    """Refuse names that no dictionary has and settings that do not fit together, all at once.

    Raises:
        ConfigError: with every wrong name and the nearest right one.
    """
    problems = [
        f"{key}: {value!r} is not one of {', '.join(known)}{nearest(value, known)}"
        for key, value, known in head_choices(config) + _training_choices(config)
        if value not in known
    ]
    problems += [
        f"stages.{number}.name: {stage.name!r} is not one word; it is part of a file's name"
        for number, stage in enumerate(config.stages)
        if not re.fullmatch(r"[\w-]+", stage.name)
    ]
    problems += head_problems(config)
    if problems:
        raise ConfigError("\n  ".join(["configuration:", *problems]))


def _training_choices(config: Config) -> list[Choice]:
    choices: list[Choice] = [
        ("loss.classes", config.loss.classes, CLASS_LOSSES),
        ("loss.attributes", config.loss.attributes, ATTRIBUTE_LOSSES),
        ("mixup.per", config.mixup.per, ("sample", "batch")),
        ("train.labels", config.train.labels, ("soft", "hard")),
        ("train.rows", config.train.rows, ("all", "consensus")),
        ("train.average", config.train.average, AVERAGES),
        ("train.selection", config.train.selection, ("balanced", "natural")),
    ]
    for number, stage in enumerate(config.stages):
        choices += [
            (f"stages.{number}.sampler", stage.sampler, SAMPLERS),
            (f"stages.{number}.start", stage.start, ("last", "best")),
            (f"stages.{number}.optimiser", stage.optimiser, ("keep", "reset")),
            (f"stages.{number}.schedule", stage.schedule, SCHEDULES),
        ]
    return choices
