"""Options and tables that `medusa extract` and `medusa transcribe` share."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import click

from medusa.errors import ConfigError
from medusa.options import Command

only_splits = click.option(
    "--split", "splits", metavar="NAME[,NAME...]", help="Only the utterances of these splits."
)


def set_option(help: str) -> Callable[[Command], Command]:
    """Return `--set NAME=VALUE`, which a command receives as `overrides`."""
    return click.option(
        "--set", "overrides", multiple=True, metavar="NAME=VALUE", help=f"A further choice: {help}"
    )


def settings_of(kind: Any, overrides: Sequence[str]) -> dict[str, Any]:
    """Return the values of `--set` as the fields of a dataclass, those that were given.

    Raises:
        ConfigError: a name is unknown, or a value has another type; all of them are listed.
    """
    from medusa.strict import parse, set_value

    values: dict[str, Any] = {}
    problems = [problem for override in overrides for problem in set_value(values, override)]
    settings = parse(kind, values, "", problems)
    if problems:
        raise ConfigError("\n  ".join(["--set:", *problems]))
    return {name: getattr(settings, name) for name in values}


def show(rows: list[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    """Print how much was done: everything as JSON, or some columns as a table."""
    from medusa.console import table

    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        header = [name.replace("_", " ") for name in columns]
        table(header, [[_cell(row[name]) for name in columns] for row in rows])


def _cell(value: Any) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{count} {flag}" for flag, count in value.items()) or "none"
    return round(value) if isinstance(value, float) and value >= 10 else value
