"""Several trainings at once on a terminal: a table that follows their metrics."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medusa.heads.runs.run_dir import FINISHED, METRICS, RunDir

RECENT_S = 600.0  # a run that has logged nothing for so long is not shown


class Watch:
    """Shows nothing; what there is where stderr is no terminal."""

    def show(self, runs: Path, done: int, total: int) -> None:
        """Show the state of the unfinished runs in a folder, and how many heads are done."""


class Table(Watch):
    """Shows a row per unfinished run that has logged of late."""

    def __init__(self, live: Any) -> None:
        self.live = live

    def show(self, runs: Path, done: int, total: int) -> None:
        from rich import box
        from rich.table import Table as Grid

        grid = Grid(box=box.SIMPLE_HEAD, title=f"{done} of {total} heads", title_justify="left")
        for name in ("", "epoch", "stage", "loss", "dev macro-F1", "utt/s"):
            grid.add_column(name, justify="left" if name in ("", "stage") else "right")
        for name, line in latest(runs):
            grid.add_row(
                name,
                told(line, "epoch", ""),
                told(line, "stage", ""),
                told(line, "train_loss", ".3f"),
                told(line, "dev_macro_f1", ".3f"),
                told(line, "utterances_per_s", ".0f"),
            )
        self.live.update(grid)


def told(line: dict[str, Any], key: str, form: str) -> str:
    """Return a number as it is shown; not every head has every one."""
    return format(line[key], form) if key in line else "–"


def latest(runs: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return the last line that each unfinished run has logged in the last ten minutes."""
    found = []
    for path in sorted(runs.glob(f"[!.]*/{METRICS}")):
        fresh = time.time() - path.stat().st_mtime < RECENT_S
        if not fresh or (path.parent / FINISHED).exists():
            continue
        if lines := RunDir(path.parent).metrics():
            found.append((path.parent.name, lines[-1]))
    return found


@contextmanager
def watching() -> Iterator[Watch]:
    """Give a table that is kept up to date, or nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield Watch()
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), refresh_per_second=2, transient=True) as live:
        yield Table(live)
