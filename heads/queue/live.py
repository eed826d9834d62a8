"""Several trainings at once on a terminal: a table that follows their metrics."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medusa.console import Terminal, current_reporter
from medusa.heads.runs.run_dir import FINISHED, METRICS, RunDir

RECENT_S = 600.0  # A run that has logged nothing for longer is not shown.


class Watch:
    """Show nothing. It is used where messages do not go to a terminal."""

    def show(self, runs: Path, finished: int, total: int) -> None:
        """Show the state of the unfinished runs in a folder, and how many heads are finished."""


class LiveTable(Watch):
    """Show a row for every unfinished run that has logged recently."""

    def __init__(self, live: Any) -> None:
        self.live = live

    def show(self, runs: Path, finished: int, total: int) -> None:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        title = f"{finished} of {total} heads"
        grid = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
        for name in ("", "epoch", "stage", "loss", "dev macro-F1", "utt/s"):
            grid.add_column(name, justify="left" if name in ("", "stage") else "right")
        for name, metrics in latest_metrics(runs):
            grid.add_row(
                Text(name),
                shown(metrics, "epoch", ""),
                shown(metrics, "stage", ""),
                shown(metrics, "train_loss", ".3f"),
                shown(metrics, "dev_macro_f1", ".3f"),
                shown(metrics, "utterances_per_s", ".0f"),
            )
        self.live.update(grid)


def shown(metrics: dict[str, Any], key: str, form: str) -> str:
    """Return a number as it is shown, or a dash if the head does not log it."""
    return format(metrics[key], form) if key in metrics else "–"


def latest_metrics(runs: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return the name and last metrics of each unfinished run that logged in ten minutes."""
    latest = []
    for path in sorted(runs.glob(f"[!.]*/{METRICS}")):
        recent = time.time() - path.stat().st_mtime < RECENT_S
        if not recent or (path.parent / FINISHED).exists():
            continue
        if lines := RunDir(path.parent).metrics():
            latest.append((path.parent.name, lines[-1]))
    return latest


@contextmanager
def watching() -> Iterator[Watch]:
    """Give a table that `show` keeps up to date, or one that shows nothing without a terminal."""
    if not (isinstance(current_reporter(), Terminal) and sys.stderr.isatty()):
        yield Watch()
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), refresh_per_second=2, transient=True) as live:
        yield LiveTable(live)
