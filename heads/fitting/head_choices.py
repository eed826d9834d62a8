"""What the settings of a head's network may be: known names, and settings that fit together."""

from collections.abc import Collection

from medusa.heads.config import Config
from medusa.heads.networks.fusion import HEADS
from medusa.heads.networks.output import ATTRIBUTE_MAPS
from medusa.heads.networks.pooling import POOLS

Choice = tuple[str, str, Collection[str]]  # a setting's key, its value, the names it may be


def head_choices(config: Config) -> list[Choice]:
    """Return the settings of the network that name an entry of a dictionary."""
    return [
        ("head.name", config.head.name, HEADS),
        ("head.pooling", config.head.pooling, POOLS),
        ("head.attribute_map", config.head.attribute_map, ATTRIBUTE_MAPS),
    ]


def head_problems(config: Config) -> list[str]:
    """Return a line for every setting that the network cannot use, if its names are known."""
    if any(value not in known for _, value, known in head_choices(config)):
        return []
    return HEADS[config.head.name].problems(config)
