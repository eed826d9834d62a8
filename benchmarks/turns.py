"""Ways that are timed in turn, each in a process of its own with the environment it would have."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from typing import Any


class Turn:
    """A process that waits for its turn, works one round, and says how it went.

    Args:
        command: of a script that calls `serve`, after the interpreter's name.
        more: variables beside those of this process.
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
        """Return what one round told; the others wait."""
        assert self.process.stdin
        with suppress(BrokenPipeError):  # then there is no answer, either
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        return self._said()

    def end(self) -> dict[str, Any]:
        """Return what is told at the end."""
        assert self.process.stdin
        self.process.stdin.close()
        return self._said()

    def _said(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args}: ended before its turn")
        found: dict[str, Any] = json.loads(line)
        return found


def serve(one_round: Callable[[], dict[str, Any]], end: Callable[[], dict[str, Any]]) -> None:
    """Work a round for each line of the standard input, and tell the rest at its end."""
    told = sys.stdout
    with redirect_stdout(sys.stderr):  # whatever a library prints is no answer
        for _ in sys.stdin:
            print(json.dumps(one_round()), file=told, flush=True)
        print(json.dumps(end()), file=told, flush=True)
