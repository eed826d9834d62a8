"""Output on a terminal: progress goes to stderr, results go to stdout."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from click import Context


class Advance(Protocol):
    """Add `amount` finished units to the progress line and show a note about the present one."""

    def __call__(self, amount: float = 1, note: str = "") -> None: ...


@contextmanager
def progress(label: str, total: float, unit: str = "utt", done: float = 0) -> Iterator[Advance]:
    """Show one line with count, rate and remaining time, if stderr is a terminal.

    Args:
        label: a few words about the work.
        total: the number of units to reach.
        unit: the name of one unit, shown after the rate.
        done: units finished by an earlier, interrupted run.
    """
    if not sys.stderr.isatty():
        yield lambda amount=1, note="": None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeLeft(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total, completed=int(done), rate="", note="")

        def advance(amount: float = 1, note: str = "") -> None:
            bar.advance(task, amount)
            speed = bar.tasks[0].speed
            bar.update(task, rate=f"{speed:.1f} {unit}/s" if speed else "", note=note)

        yield advance


def say(message: str) -> None:
    """Print a message that is not a result to stderr."""
    print(message, file=sys.stderr, flush=True)


def table(header: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """Print a table of results to stdout; numbers are aligned to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(
        title=title or None, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for column, name in enumerate(header):
        numeric = bool(rows) and all(isinstance(row[column], (int, float)) for row in rows)
        # names stay on one line, so that they can be copied; other cells are wrapped
        grid.add_column(
            name,
            justify="right" if numeric else "left",
            no_wrap=column == 0,
            overflow="fold",
        )
    for row in rows:
        grid.add_row(*(Text(_cell(value)) for value in row))
    width = None if sys.stdout.isatty() else 120
    Console(width=width, highlight=False).print(grid)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def given(context: "Context") -> list[str]:
    """Return the names of the options that were written on the command line."""
    from click.core import ParameterSource

    return [
        name
        for name in sorted(context.params)
        if context.get_parameter_source(name) != ParameterSource.DEFAULT
    ]
