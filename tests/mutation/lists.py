"""The two lists that people write: accepted survivors, and mutations that tests must notice."""

import json
import signal
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from medusa.tests.mutation.forks import Task, Tree, run_all
from medusa.tests.mutation.sites import Mutant
from medusa.tests.mutation.testing import Chosen

SURVIVORS = Path("tests/mutation/survivors.toml")
KNOWN = Path("tests/mutation/known.toml")
KNOWN_S = 20.0  # what a named test may take, about; a hanging one is found after five times that


@dataclass(frozen=True)
class Known:
    """One mutation by hand: `old`, found once in `file`, becomes `new`, and `tests` must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: list[str]


def reasons(root: Path) -> dict[tuple[str, str, str], str]:
    """Return why a survivor is accepted, by its file, its old line and its new line."""
    path = root / SURVIVORS
    content = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    entries = content.get("survivor", [])
    return {(one["file"], one["old"].strip(), one["new"].strip()): one["why"] for one in entries}


def equivalent(root: Path) -> set[tuple[str, str, str]]:
    """Return the listed survivors that no test can notice, because they give the same results."""
    return {name for name, why in reasons(root).items() if why.startswith("Equivalent")}


def key(mutant: Mutant) -> tuple[str, str, str]:
    """Return what a mutant is listed by: its line's number changes too often."""
    return mutant.path, mutant.old, mutant.new


def read_known(root: Path) -> list[Known]:
    """Read the mutations by hand.

    Raises:
        SystemExit: an `old` is not found exactly once.
    """
    path = root / KNOWN
    content = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    entries = [one for value in content.values() if isinstance(value, list) for one in value]
    names = [one.name for one in fields(Known)]
    found = [Known(*(one[name] for name in names)) for one in entries]
    for one in found:
        count = (root / one.file).read_text(encoding="utf-8").count(one.old)
        if count != 1:
            raise SystemExit(f"{KNOWN}: {one.name}: `old` is {count} times in {one.file}, not once")
    return found


def unnoticed(root: Path, known: Sequence[Known], trees: Sequence[Tree]) -> Iterator[str]:
    """Apply each known mutation and yield a line for each that a named test does not notice."""
    tasks, results = [], list[Path]()
    for number, one in enumerate(known):
        text = (root / one.file).read_text(encoding="utf-8").replace(one.old, one.new)
        path = trees[0].folder.parent / f"failed-{number}.json"
        work = Chosen(dict.fromkeys(one.tests, KNOWN_S), all=True, failed=path)
        tasks.append(Task(number, work, {one.file: text}))
        results.append(path)
    for end in run_all(tasks, trees):
        one, path = known[end.task.number], results[end.task.number]
        whole = end.status == 2 or end.status == -signal.SIGALRM  # no import, or a test that hangs
        failed = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        missing = [] if whole else sorted(set(one.tests) - set(failed))
        state = "MISSED" if missing else "noticed"
        print(f"{state:9}{end.seconds:6.1f} s  {one.name} ({one.file})", flush=True)
        yield from (f"{one.name}: {test} does not fail" for test in missing)
