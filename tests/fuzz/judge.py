"""The judgement of one damaged input: one sentence or a result, in time, memory and place."""

import contextlib
import os
import resource
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import click

from medusa.errors import MedusaError
from medusa.tests.counts import LONG, count

INPUTS = "MEDUSA_FUZZ_INPUTS"  # Of each surface, in the long version 10,000.
MOST_S, MOST_BYTES = 20, 2 << 30
LONGEST_MESSAGE = 20_000
_found: dict[str, str] = {}  # The place of an error that is no sentence -> its traceback.


class Hang(BaseException):
    """An input took longer than `MOST_S`."""


def judged(act: Callable[[], object]) -> bool:
    """Return whether the act succeeded; a refusal in one sentence is False.

    Any other error, a hang and too much memory are collected: `each_seed` raises them at its end.
    """
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with _limited():
            act()
        return True
    except (MedusaError, click.ClickException) as problem:
        message = str(problem) or problem.format_message()  # type: ignore[union-attr]
        if not message.strip() or len(message) >= LONGEST_MESSAGE:
            _collect(problem)
    except OSError as problem:
        if not (problem.strerror or str(problem)):  # `cli.py` prints it as one sentence.
            _collect(problem)
    except (Exception, Hang) as problem:
        _collect(problem)
    finally:
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        if grown << 10 >= MOST_BYTES:
            _collect(MemoryError(f"{grown >> 10} MiB"))
    return False


def _collect(problem: BaseException) -> None:
    where = traceback.extract_tb(problem.__traceback__)[-1:]
    _found.setdefault(
        f"{type(problem).__name__} {where}", "".join(traceback.format_exception(problem))
    )


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


def each_seed(short: int, most_s: float, share: int = 1) -> Iterator[int]:
    """Yield the seeds of the damaged inputs, and then raise what `judged` has collected.

    Args:
        short: the most inputs of the short version.
        most_s: after this time the short version ends.
        share: the number of tests that share the inputs of the long version.
    """
    _found.clear()
    end = time.monotonic() + most_s
    timed = not LONG and INPUTS not in os.environ
    for seed in range(count(INPUTS, short * share, 10_000) // share):
        if timed and seed > short // 10 and time.monotonic() > end:
            break
        yield seed
        if len(_found) >= 20:
            break
    raise_collected()


def raise_collected() -> None:
    """Raise an error with every kind of error that `judged` has collected."""
    problems = list(_found.values())
    _found.clear()
    assert not problems, f"{len(problems)} kinds of errors:\n" + "\n".join(problems)


def judged_inside(root: Path, inside: Path, act: Callable[[], object]) -> None:
    """Judge an act, of which files below `root` may change only below `inside`."""
    before = outside(root, inside)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        judged(act)
    assert outside(root, inside) == before


def outside(root: Path, inside: Path) -> dict[str, bytes]:
    """Return the files below `root` that are not below `inside`."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files if not path.is_relative_to(inside)}
