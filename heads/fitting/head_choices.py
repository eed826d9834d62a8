"""What the settings of a head's network may be: known names, and settings that fit together."""

from collections.abc import Collection

from medusa.heads.config import Config
from medusa.heads.networks.discriminant import CLOSED_FORM
from medusa.heads.networks.fusion import HEADS
from medusa.heads.networks.output import ATTRIBUTE_MAPS
from medusa.heads.networks.pooling import POOLS

Choice = tuple[str, str, Collection[str]]  # a setting's key, its value, the names it may be
POSITIONAL = ("deepser", "dhf", "late_fusion", "discriminant")  # heads that pool single streams


def head_choices(config: Config) -> list[Choice]:
    """Return the settings of the network that name an entry of a dictionary."""
    return [
        ("head.name", config.head.name, HEADS),
        ("head.pooling", config.head.pooling, POOLS),
        ("head.attribute_map", config.head.attribute_map, ATTRIBUTE_MAPS),
    ]


def head_problems(config: Config) -> list[str]:
    """Return a line for every pair of settings of the network that do not fit together."""
    head, problems = config.head, []
    if head.width % head.attention_heads:
        problems.append("head.attention_heads: it must divide head.width")
    if head.name == "dhf" and head.width % 2:
        problems.append("head.width: dhf needs an even width, half of it for each direction")
    if head.pooling == "positional" and head.name in set(HEADS) - set(POSITIONAL):
        problems.append(f"head.pooling: {head.name} has no use for positional; set it to mean")
    return problems + _closed_form_problems(config)


def _closed_form_problems(config: Config) -> list[str]:
    """Return a line for every setting of a closed-form head that would need training."""
    if config.head.name not in CLOSED_FORM:
        return []
    settings = [
        ("head.attribute_map", config.head.attribute_map != "linear", "linear"),
        ("head.pooling", config.head.pooling == "attention", "mean, positional or statistics"),
        ("loss.neutral_weight", config.loss.neutral_weight > 0, "0"),
        ("loss.secondary_weight", config.loss.secondary_weight > 0, "0"),
    ]
    return [
        f"{key}: a {config.head.name} is not trained, and this would be; set it to {allowed}"
        for key, needs_training, allowed in settings
        if needs_training
    ]
