"""The check of a whole configuration before a head is trained."""

from medusa.errors import ConfigError
from medusa.heads.config import Config
from medusa.heads.networks.head import HEADS
from medusa.strict import parse, unknown_keys


def check_choices(config: Config) -> None:
    """Refuse values that are not allowed and settings that the network cannot use, all at once.

    Raises:
        ConfigError: with every wrong name and the nearest right one.
    """
    wrong: list[str] = []
    parse(Config, config.to_dict(), "", wrong)  # A program may have made it without `load`.
    problems = wrong + unknown_keys(config)
    if not wrong and not unknown_keys(config.head):
        problems += HEADS[config.head.name].problems(config)
    if problems:
        raise ConfigError("\n  ".join(["configuration:", *problems]))
