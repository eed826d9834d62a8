"""Ways that are timed in turn, each in a process of its own with the environment it would have."""

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
        command: of a script that calls `serve`, after the interpreter's name.
        more: variables in addition to those of this process.
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
        self.process.kill()  # one that has ended is left alone
        self.process.wait()

    def round(self) -> dict[str, Any]:
        """Return the report of one round; the other processes wait."""
        assert self.process.stdin
        with suppress(BrokenPipeError):  # then it has written no report, either
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        return self._read_report()

    def end(self) -> dict[str, Any]:
        """Return the report at the end."""
        assert self.process.stdin
        self.process.stdin.close()
        return self._read_report()

    def _read_report(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args}: ended before its turn")
        report: dict[str, Any] = json.loads(line)
        return report


def serve(one_round: Callable[[], dict[str, Any]], end: Callable[[], dict[str, Any]]) -> None:
    """Work a round for each line of the standard input, and report the rest at its end."""
    reports = sys.stdout
    with redirect_stdout(sys.stderr):  # whatever a library prints is no report
        for _ in sys.stdin:
            print(json.dumps(one_round()), file=reports, flush=True)
        print(json.dumps(end()), file=reports, flush=True)
