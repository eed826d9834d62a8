"""Messages and progress go to a reporter: on the command line, to stderr. Results go to stdout."""

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from click import Context


LINE_EVERY_S = 30.0
TITLES = {"hours": "speech"}  # a column whose title differs from the key of the JSON


# Control characters but tab and line feed, separators of lines, and changes of the direction.
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class Advance(Protocol):
    """Add `amount` finished units to the progress line, and show a note behind it."""

    def __call__(self, amount: float = 1, note: str = "") -> None: ...


class Reporter(Protocol):
    """The receiver of messages and progress. The functions of the package report to it."""

    def say(self, message: str) -> None:
        """Receive one message that is not a result."""
        ...

    def progress(
        self, label: str, total: float, unit: str, done: float
    ) -> AbstractContextManager[Advance]:
        """Begin a piece of work; the arguments are those of `progress`."""
        ...


class Silent:
    """The reporter of a program that uses the package; it shows nothing."""

    def say(self, message: str) -> None: ...

    def progress(
        self, label: str, total: float, unit: str, done: float
    ) -> AbstractContextManager[Advance]:
        return nullcontext(_ignore)


class ProgressLines:
    """The progress of one piece of work as a line of text every 30 s, where no bar can move."""

    def __init__(
        self, reporter: Reporter, label: str, total: float, unit: str, done: float
    ) -> None:
        self.reporter, self.label, self.total, self.unit = reporter, label, total, unit
        self.done = self.begun_at = done
        self.began = self.told_at = time.monotonic()

    def __call__(self, amount: float = 1, note: str = "") -> None:
        """Count the finished units, and report a line if the last one is 30 s old."""
        self.done += amount
        now = time.monotonic()
        if now - self.told_at < LINE_EVERY_S:
            return
        self.told_at = now
        speed = (self.done - self.begun_at) / (now - self.began)
        left = f", {duration((self.total - self.done) / speed)} left" if speed > 0 else ""
        more = f"; {note}" if note else ""
        count = f"{self.done:.0f} of {self.total:.0f} {self.unit}"
        self.reporter.say(f"{self.label}: {count}, {rate(speed, self.unit)}{left}{more}")


class Terminal:
    """The reporter of the command line: messages and one progress bar or lines on stderr."""

    def say(self, message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    @contextmanager
    def progress(self, label: str, total: float, unit: str, done: float) -> Iterator[Advance]:
        if not sys.stderr.isatty():
            yield ProgressLines(self, label, total, unit, done)
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
        )
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(label, total=total, completed=int(done), rate="", note="")

            def advance(amount: float = 1, note: str = "") -> None:
                bar.advance(task, amount)
                speed = bar.tasks[0].speed
                bar.update(task, rate=rate(speed, unit) if speed else "", note=note)

            yield advance


def rate(speed: float, unit: str) -> str:
    """Return a speed in units per second, or the time of each unit if that is above 2 s."""
    return f"{duration(1 / speed)} each" if 0 < speed < 0.5 else f"{speed:.1f} {unit}/s"


def _ignore(amount: float = 1, note: str = "") -> None:
    """Advance a progress line that is not shown."""


_reporter: Reporter = Silent()


@contextmanager
def show_progress(reporter: Reporter | None = None) -> Iterator[None]:
    """Send messages and progress to a reporter, by default to the terminal, inside the block."""
    before = current_reporter()
    report_to(reporter or Terminal())
    try:
        yield
    finally:
        report_to(before)


def current_reporter() -> Reporter:
    """Return the reporter of this process."""
    return _reporter


def report_to(reporter: Reporter) -> None:
    """Send all further messages and progress of this process to a reporter."""
    global _reporter
    _reporter = reporter


def progress(
    label: str, total: float, unit: str = "utt", done: float = 0
) -> AbstractContextManager[Advance]:
    """Report one piece of work; the block receives a function that advances the progress.

    Args:
        label: a few words about the work.
        total: the number of units to reach.
        unit: the name of one unit, shown after the rate.
        done: units finished by an earlier, interrupted run.
    """
    return _reporter.progress(label, total, unit, done)


def say(message: str) -> None:
    """Report a message that is not a result."""
    _reporter.say(visible(message))


def visible(text: str) -> str:
    """Return a text with its control characters written out, such as `\\x1b`.

    Names from a corpus can contain them, and a terminal would obey them. Line breaks and tabs stay.
    """
    return HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def table(header: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """Print a table of results to stdout; numbers are aligned to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Names such as `[/x]` come from corpora, and rich would read them as markup in plain strings.
    heading = Text(one_line(title)) if title else None
    grid = Table(title=heading, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column, name in enumerate(header):
        numeric = bool(rows) and all(isinstance(row[column], (int, float)) for row in rows)
        # Names stay on one line, so that they can be copied; other cells are wrapped.
        grid.add_column(
            Text(one_line(name)),
            justify="right" if numeric else "left",
            no_wrap=column == 0,
            overflow="fold",
        )
    for row in rows:
        grid.add_row(*(Text(_cell(value)) for value in row))
    width = None if sys.stdout.isatty() else 120
    Console(width=width, highlight=False).print(grid)


def show_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """Print rows of values to stdout: all values as JSON, or some columns as a table."""
    if as_json:
        print(json.dumps(rows, indent=2))
    elif rows:
        header = [TITLES.get(name, name.replace("_", " ")) for name in columns]
        table(header, [[_short(name, row[name]) for name in columns] for row in rows])


def duration(seconds: float) -> str:
    """Return a time as a reader says it: in seconds, in minutes or in hours."""
    if 0 < seconds < 0.5:
        return "< 1 s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        minutes = seconds / 60
        return f"{minutes:.0f} min" if minutes >= 9.5 else f"{minutes:.1f} min"
    return f"{seconds / 3600:.1f} h"


def data_size(size: float) -> str:
    """Return a number of bytes in kB, MB or GB."""
    if size < 1e6:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"


def _short(name: str, value: Any) -> object:
    """Return a value for a table: hours and counts as text, large numbers without decimals."""
    if name == "hours":
        return None if value is None else duration(3600 * value)
    if isinstance(value, dict):
        return ", ".join(f"{count} {flag}" for flag, count in value.items()) or "none"
    return round(value) if isinstance(value, float) and value >= 10 else value


def _cell(value: object) -> str:
    """Return the text of one cell: three decimals for a float, a dash for an absent value."""
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else one_line(str(value))


def one_line(text: str) -> str:
    """Return a text with its control characters, line breaks and tabs written out."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def given(context: "Context") -> list[str]:
    """Return the names of the options that were written on the command line."""
    from click.core import ParameterSource

    return [
        name
        for name in sorted(context.params)
        if context.get_parameter_source(name) != ParameterSource.DEFAULT
    ]
