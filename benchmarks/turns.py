"""Processes that are timed in turn, each with an environment of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from typing import Any


class Turn:
    """A process that waits for its turn, works one round, and reports on it.

    Args:
        command: the words after the interpreter's name: a script that calls `serve`.
        more: environment variables in addition to those of this process.
    """

    def __init__(self, command: list[str], more: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | more,
        )

    def __enter__(self) -> "Turn":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()  # this does nothing to a process that has ended
        self.process.wait()

    def round(self) -> dict[str, Any]:
        """Return the report of one round; the other processes wait."""
        assert self.process.stdin
        with suppress(BrokenPipeError):  # the missing report is noticed below
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        return self._read_report()

    def end(self) -> dict[str, Any]:
        """Return the report at the end."""
        assert self.process.stdin
        self.process.stdin.close()
        return self._read_report()

    def _read_report(self) -> dict[str, Any]:
        """Return the next report of the process."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args}: the process ended before its turn")
        report: dict[str, Any] = json.loads(line)
        return report


def serve(one_round: Callable[[], dict[str, Any]], end: Callable[[], dict[str, Any]]) -> None:
    """Work one round for each line of the standard input, and print a last report at its end."""
    reports = sys.stdout
    with redirect_stdout(sys.stderr):  # the output of libraries must not mix with the reports
        for _ in sys.stdin:
            print(json.dumps(one_round()), file=reports, flush=True)
        print(json.dumps(end()), file=reports, flush=True)
