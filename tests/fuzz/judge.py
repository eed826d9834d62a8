"""The judgement of one damaged input: one sentence or a result, in time, memory and place."""

import contextlib
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import click

from medusa.errors import MedusaError

LONG = "MEDUSA_LONG_TESTS" in os.environ
MOST_S, MOST_BYTES = 20, 2 << 30
LONGEST_MESSAGE = 20_000


class Hang(BaseException):
    """An input took longer than `MOST_S`."""


def judged(act: Callable[[], object]) -> bool:
    """Return whether the act succeeded; a refusal in one sentence is False.

    Raises:
        Exception: any error that is no sentence, such as a traceback of a library.
        AssertionError: the act took too long, or too much memory.
    """
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with _limited():
            act()
        return True
    except (MedusaError, click.ClickException) as problem:
        message = str(problem) or problem.format_message()  # type: ignore[union-attr]
        assert message.strip() and len(message) < LONGEST_MESSAGE
        return False
    except OSError as problem:
        assert problem.strerror or str(problem)  # `cli.py` prints it as one sentence.
        return False
    finally:
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown << 10 < MOST_BYTES, f"{grown >> 10} MiB"


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Hang(f"more than {MOST_S} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(MOST_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def each_seed(short: int, most_s: float) -> Iterator[int]:
    """Yield the seeds of the damaged inputs: 10,000 in the long version, else as time allows."""
    if LONG:
        yield from range(10_000)
        return
    end = time.monotonic() + most_s
    for seed in range(short):
        if seed > short // 10 and time.monotonic() > end:
            return
        yield seed


def outside(root: Path, inside: Path) -> dict[str, bytes]:
    """Return the files below `root` that are not below `inside`."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files if not path.is_relative_to(inside)}
