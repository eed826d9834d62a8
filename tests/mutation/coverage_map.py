"""Which tests execute a line: measured for one file of tests at a time, and kept by content."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from medusa.tests.mutation.forks import Task, Tree, run_all
from medusa.tests.mutation.testing import run_pytest

CACHE = Path(".mutation/coverage")
DATA = ("*.yaml", "*.j2", "*.toml")  # tests depend on these in all rooms
FORMAT = 1  # of the kept files


@dataclass
class Covered:
    """What one file of tests executes.

    Attributes:
        seconds: of each test that passes.
        lines: path -> line -> tests; the name "" is the import.
        broken: tests that fail without any mutation.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def tests(self, path: str, first: int, last: int) -> set[str]:
        """Return the tests that execute one of some lines; "" among them is the import."""
        lines = self.lines.get(path, {})
        found = {one for n in range(first, last + 1) for one in lines.get(str(n), [])}
        return {one for one in found if not one or one in self.seconds}


def measure(root: Path, folders: Sequence[str], trees: Sequence[Tree]) -> dict[str, list[Covered]]:
    """Return what the files of tests of each folder execute; measure only what has changed.

    Raises:
        SystemExit: a file of tests cannot be run.
    """
    files = {folder: sorted((root / folder).rglob("test_*.py")) for folder in folders}
    names = {one.relative_to(root).as_posix() for found in files.values() for one in found}
    known = {name: kept for name in sorted(names) if (kept := _kept(root, name)) is not None}
    new = [name for name in sorted(names) if name not in known]
    new.sort(key=lambda name: _seconds(root, name), reverse=True)  # the longest first
    results = [trees[0].folder.parent / f"covered-{number}.json" for number in range(len(new))]
    works = [_Measuring(*pair) for pair in zip(new, results, strict=True)]
    for end in run_all([Task(*pair) for pair in enumerate(works)], trees):
        name = new[end.task.number]
        if end.status not in (0, 1, 5):
            raise SystemExit(f"{name}: cannot be measured (status {end.status})\n{end.output}")
        record = json.loads(results[end.task.number].read_text(encoding="utf-8"))
        print(f"measured {name} ({end.seconds:.0f} s)", flush=True)
        _keep(root, name, record, _key(trees[0].root, name, record["lines"]))
        known[name] = Covered(**record)
    return {
        folder: [known[one.relative_to(root).as_posix()] for one in found]
        for folder, found in files.items()
    }


def _file_name(name: str) -> str:
    return name.replace("/", "--") + ".json"


def _kept(root: Path, name: str) -> Covered | None:
    """Return the kept measurement if all that it depends on is as it was."""
    path = root / CACHE / _file_name(name)
    if not path.exists():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    if kept["key"] != _key(root, name, kept["record"]["lines"]):
        return None
    return Covered(**kept["record"])


def _seconds(root: Path, name: str) -> float:
    """Return how long a file of tests took when it was last measured; a guess if it was not."""
    path = root / CACHE / _file_name(name)
    if not path.exists():
        return (root / name).stat().st_size / 1000
    seconds = json.loads(path.read_text(encoding="utf-8"))["record"]["seconds"]
    return float(sum(seconds.values()))


def _keep(root: Path, name: str, record: dict[str, Any], key: str) -> None:
    path = root / CACHE / _file_name(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = json.dumps({"key": key, "record": record})
    other = path.with_suffix(f".{os.getpid()}")
    other.write_text(whole, encoding="utf-8")
    other.replace(path)


def _key(root: Path, name: str, executed: dict[str, Any]) -> str:
    """Return a digest of the tests, what they executed, and the data beside the code."""
    paths = {root / name, *(root / path for path in executed)}
    paths |= {folder / "conftest.py" for folder in (root / name).parents}
    rooms = {Path(path).parts[0] for path in executed if "/" in path}
    paths |= {one for room in rooms for glob in DATA for one in (root / room).rglob(glob)}
    digest = hashlib.sha256(str(FORMAT).encode())
    for path in sorted(path for path in paths if path.is_file()):
        digest.update(str(path.relative_to(root)).encode() if path.is_relative_to(root) else b"")
        digest.update(path.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Measuring:
    """Run one file of tests and write what it executes."""

    name: str
    result: Path

    def __call__(self, root: Path) -> int:
        os.environ.setdefault("COVERAGE_CORE", "ctrace")  # it knows contexts
        import coverage

        measuring = coverage.Coverage(
            data_file=None, config_file=False, include=[f"{root}/*"], omit=[f"{root}/tests/*"]
        )
        measuring.start()
        plugin = _Contexts(measuring)
        status = run_pytest(root, [self.name], [], [plugin])
        measuring.stop()
        record = Covered(plugin.passed(), plugin.lines(root), sorted(plugin.broken))
        self.result.write_text(json.dumps(vars(record)), encoding="utf-8")
        return status


class _Contexts:
    """Tell the measurement which test is running, or which fixture that several share."""

    def __init__(self, measuring: Any) -> None:
        self.measuring, self.current = measuring, ""
        self.seconds: dict[str, float] = {}
        self.users: dict[str, list[str]] = {}  # tests of a shared fixture
        self.broken: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        info: Any = item
        for fixtures in info._fixtureinfo.name2fixturedefs.values():
            for fixture in fixtures:
                self.users.setdefault(_context(fixture), []).append(item.nodeid)
        self.current = item.nodeid
        self.measuring.switch_context(self.current)
        result = yield
        self.measuring.switch_context("")
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        if fixturedef.scope == "function":
            return (yield)
        self.measuring.switch_context(_context(fixturedef))
        try:
            return (yield)
        finally:
            self.measuring.switch_context(self.current)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        total = self.seconds.get(report.nodeid, 0.0) + report.duration
        self.seconds[report.nodeid] = round(total, 3)
        if not report.passed:
            self.broken.add(report.nodeid)  # or skipped

    def passed(self) -> dict[str, float]:
        """Return the seconds of each test that passed."""
        return {name: one for name, one in self.seconds.items() if name not in self.broken}

    def lines(self, root: Path) -> dict[str, dict[str, list[str]]]:
        """Return path -> line -> tests, a shared fixture's lines being those of all its tests."""
        data = self.measuring.get_data()
        found: dict[str, dict[str, list[str]]] = {}
        for file in data.measured_files():
            lines: dict[str, list[str]] = {}
            for line, contexts in data.contexts_by_lineno(file).items():
                tests = {one for name in contexts for one in self.users.get(name, [name])}
                lines[str(line)] = sorted(tests)
            found[Path(file).relative_to(root).as_posix()] = lines
        return found


def _context(fixture: Any) -> str:
    return f"fixture {fixture.argname} of {fixture.baseid}"
