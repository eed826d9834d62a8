"""Options that commands of several rooms share: each has one name, one type and one default."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any] | click.Command)

ONE_DEVICE = "auto (cuda where there is one, else cpu), cpu, cuda, cuda:1, mps."


def json_option(help: str = "Print JSON instead of a table.") -> Callable[[Command], Command]:
    """Return `--json`, which a command receives as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=help)


def force_option(help: str) -> Callable[[Command], Command]:
    """Return `--force`; `help` is a sentence about what is replaced."""
    return click.option("--force", is_flag=True, help=help)


def device_option(
    help: str = ONE_DEVICE, metavar: str | None = None
) -> Callable[[Command], Command]:
    """Return `--device`, a name or a comma list for `medusa.device`."""
    return click.option("--device", default="auto", show_default=True, metavar=metavar, help=help)


def text_option(help: str) -> Callable[[Command], Command]:
    """Return `--text`, the source of an utterance's text."""
    return click.option("--text", metavar="SOURCE", help=help)


def missing_option(help: str) -> Callable[[Command], Command]:
    """Return `--missing`, which decides about utterances without features."""
    choice = click.Choice(["error", "drop"])
    return click.option("--missing", type=choice, default="error", show_default=True, help=help)


def jobs_option(help: str) -> Callable[[Command], Command]:
    """Return `--jobs`, the number of heads in training at the same time."""
    number = click.IntRange(min=1)
    return click.option("--jobs", type=number, default=1, show_default=True, help=help)


def seed_option(help: str) -> Callable[[Command], Command]:
    """Return `--seed`, from which everything random in a command follows."""
    return click.option("--seed", type=int, default=0, show_default=True, help=help)
