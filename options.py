"""The options that several rooms share; each has one name, one type and one default."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from medusa.errors import ConfigError

Command = TypeVar("Command", bound=Callable[..., Any] | click.Command)

ONE_DEVICE = "auto (cuda if there is a GPU, else cpu), cpu, cuda, cuda:1, mps."


def json_option(help: str = "Print JSON instead of a table.") -> Callable[[Command], Command]:
    """Return `--json`, which a command receives as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=help)


def force_option(help: str) -> Callable[[Command], Command]:
    """Return `--force`; `help` is a sentence about the things that are replaced."""
    return click.option("--force", is_flag=True, help=help)


def device_option(
    help: str = ONE_DEVICE, metavar: str | None = None
) -> Callable[[Command], Command]:
    """Return `--device`, a name or a list of names for `medusa.device`."""
    return click.option("--device", default="auto", show_default=True, metavar=metavar, help=help)


def output_option(
    help: str, metavar: str | None = None, required: bool = False, dir_okay: bool = True
) -> Callable[[Command], Command]:
    """Return `--output` with the short form `-o`, a path that a command writes."""
    kind = click.Path(dir_okay=dir_okay, path_type=Path)
    return click.option("-o", "--output", type=kind, required=required, metavar=metavar, help=help)


def text_option(help: str) -> Callable[[Command], Command]:
    """Return `--text`, the source of an utterance's text."""
    return click.option("--text", metavar="SOURCE", help=help)


def missing_option(help: str) -> Callable[[Command], Command]:
    """Return `--missing`, which refuses or leaves out utterances without features."""
    choice = click.Choice(["error", "drop"])
    return click.option("--missing", type=choice, default="error", show_default=True, help=help)


def jobs_option(help: str) -> Callable[[Command], Command]:
    """Return `--jobs`, the number of heads that train at the same time."""
    number = click.IntRange(min=1)
    return click.option("--jobs", type=number, default=1, show_default=True, help=help)


def seed_option(help: str) -> Callable[[Command], Command]:
    """Return `--seed`, which determines all random numbers of a command."""
    return click.option("--seed", type=int, default=0, show_default=True, help=help)


def set_option(help: str) -> Callable[[Command], Command]:
    """Return `--set NAME=VALUE`, which a command receives as `overrides`."""
    return click.option(
        "--set", "overrides", multiple=True, metavar="NAME=VALUE", help=f"A further choice: {help}"
    )


def settings_option(help: str) -> Callable[[Command], Command]:
    """Return `--set KEY=VALUE`, a change of a configuration, which a command gets as `settings`."""
    return click.option(
        "--set", "settings", multiple=True, metavar="KEY=VALUE", help=f"{help} May be repeated."
    )


def format_option(help: str) -> Callable[[Command], Command]:
    """Return `--format`, a name in `reports.tables.result_table.FORMATS`, received as `form`."""
    choice = click.Choice(["text", "markdown", "latex", "csv", "spreadsheet"])
    note = f"{help} `spreadsheet` is csv in which no cell is a formula."
    return click.option(
        "--format", "form", type=choice, default="text", show_default=True, help=note
    )


def track_option() -> Callable[[Command], Command]:
    """Return `--track`, a name in `heads.tracking.trackers.TRACKERS`."""
    choice = click.Choice(["tensorboard", "mlflow", "wandb"])
    note = "Also write the finished runs for this tracker, into the folder tracking/."
    return click.option("--track", type=choice, help=note)


def snr_option() -> Callable[[Command], Command]:
    """Return `--snr`, which a command receives as `with_snr`."""
    note = "Also judge groups by signal-to-noise ratio, for which every recording is read."
    return click.option("--snr", "with_snr", is_flag=True, help=note)


def settings_of(kind: Any, overrides: Sequence[str]) -> dict[str, Any]:
    """Return the given values of `--set` as fields of a dataclass.

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


only_splits = click.option(
    "--split", "splits", metavar="NAME[,NAME...]", help="Only the utterances of these splits."
)
