"""Which names a configuration may choose from: the dictionaries of what there is."""

import re
from collections.abc import Collection

from medusa.errors import nearest
from medusa.heads.config import Config, ConfigError
from medusa.heads.examples.sampling import SAMPLERS
from medusa.heads.networks.discriminant import CLOSED_FORM
from medusa.heads.networks.fusion import HEADS
from medusa.heads.networks.output import ATTRIBUTE_MAPS
from medusa.heads.networks.pooling import POOLS
from medusa.heads.training.class_losses import CLASS_LOSSES
from medusa.heads.training.loss import ATTRIBUTE_LOSSES
from medusa.heads.training.schedule import SCHEDULES
from medusa.heads.training.weight_average import AVERAGES

POSITIONAL = ("deepser", "dhf", "late_fusion", "discriminant")  # heads that pool single streams


def check_choices(config: Config) -> None:
    """Refuse names that no dictionary knows, all at once.

    Raises:
        ConfigError: with every wrong name and the nearest right one.
    """
    choices: list[tuple[str, str, Collection[str]]] = [
        ("head.name", config.head.name, HEADS),
        ("head.pool", config.head.pool, POOLS),
        ("head.attribute_map", config.head.attribute_map, ATTRIBUTE_MAPS),
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
    problems = [
        f"{key}: {value!r} is not one of {', '.join(known)}{nearest(value, known)}"
        for key, value, known in choices
        if value not in known
    ]
    problems += [
        f"stages.{number}.name: {stage.name!r} is not one word, part of a file's name"
        for number, stage in enumerate(config.stages)
        if not re.fullmatch(r"[\w-]+", stage.name)
    ]
    if config.head.width % config.head.attention_heads:
        problems.append("head.attention_heads: must divide head.width")
    if config.head.name == "dhf" and config.head.width % 2:
        problems.append("head.width: dhf needs an even one, half for each direction")
    if config.head.pool == "positional" and config.head.name in set(HEADS) - set(POSITIONAL):
        problems.append(f"head.pool: {config.head.name} has no use for positional; set it to mean")
    problems += _not_in_closed_form(config)
    if problems:
        raise ConfigError("\n  ".join(["configuration:", *problems]))


def _not_in_closed_form(config: Config) -> list[str]:
    """Return what is asked of a head that is not trained, and needs training."""
    if config.head.name not in CLOSED_FORM:
        return []
    asked = [
        ("head.attribute_map", config.head.attribute_map != "linear", "linear"),
        ("head.pool", config.head.pool == "attention", "mean, positional or statistics"),
        ("loss.neutral_weight", config.loss.neutral_weight > 0, "0"),
        ("loss.secondary_weight", config.loss.secondary_weight > 0, "0"),
    ]
    return [
        f"{key}: a {config.head.name} is not trained, and this would be; set it to {left}"
        for key, wrong, left in asked
        if wrong
    ]
