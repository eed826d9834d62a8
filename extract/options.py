"""Options, tables and errors that `medusa extract` and `medusa transcribe` share."""

import json
from typing import Any

import click

from medusa.errors import ConfigError

MOST_PROBLEMS = 50


batch_seconds = click.option(
    "--batch-seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Padded seconds of audio in a batch; halved when memory runs out.  [default: 40 on cpu, "
    "60 for Whisper; on cuda what its free memory is measured to hold, 400 to "
    "transcribe]",
)
only_splits = click.option(
    "--split", "splits", metavar="NAME[,NAME...]", help="Only the utterances of these splits."
)


def show(rows: list[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    """Print what was done: everything as JSON, or some columns as a table."""
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


def refuse(what: str, problems: list[str]) -> None:
    """Raise if any utterance failed, naming them; a file that fails for several encoders once."""
    problems = list(dict.fromkeys(problems))
    if not problems:
        return
    shown = problems[:MOST_PROBLEMS]
    rest = [f"... and {len(problems) - len(shown)} more"] if len(problems) > len(shown) else []
    count = "1 utterance has" if len(problems) == 1 else f"{len(problems)} utterances have"
    raise ConfigError(
        f"{count} no {what} (the others are stored); mend these and run the command again:\n  "
        + "\n  ".join([*shown, *rest])
    )
