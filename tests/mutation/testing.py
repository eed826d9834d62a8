"""Running chosen tests in a process of their own, in a chosen order, each with a time limit."""

import json
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

OTHER_S = 90.0  # for collection, and for what is between the tests
SPARE_S = 15.0  # for the machine may be busy
NO_TESTS = 5  # pytest's status


@dataclass(frozen=True)
class Chosen:
    """Tests to run.

    Attributes:
        seconds: how long each took without a mutation, by its name; the order is kept.
        all: run all of them, even after a failure.
        failed: a file for the names of the tests that failed.
        spare_s: a test is taken to hang after five times its seconds and these.
    """

    seconds: dict[str, float]
    all: bool = False
    failed: Path | None = None
    spare_s: float = SPARE_S

    def __call__(self, root: Path) -> int:
        """Run the tests; the status is pytest's."""
        files = list(dict.fromkeys(name.split("::")[0] for name in self.seconds))
        plugin = _Plugin(self)
        status = run_pytest(root, files, [] if self.all else ["-x"], [plugin])
        if self.failed:
            self.failed.write_text(json.dumps(sorted(plugin.failed)), encoding="utf-8")
        return status


def run_pytest(root: Path, files: Sequence[str], options: Sequence[str], plugins: list[Any]) -> int:
    """Run pytest by the settings of a tree, leaving nothing in it."""
    where = [f"--rootdir={root}", f"--config-file={root / 'pyproject.toml'}"]
    where += [f"--basetemp={root.parent / 'tmp' / 'pytest'}"]
    quiet = ["-q", "--tb=line", "-p", "no:cacheprovider", "-p", "no:xdist"]
    quiet += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # libraries are imported already
    return int(pytest.main([*where, *quiet, *options, *files], plugins=plugins))


class _Plugin:
    """Select and order the tests; end the process when one takes too long."""

    def __init__(self, chosen: Chosen) -> None:
        self.chosen, self.failed = chosen, set[str]()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # it ends the process
        signal.setitimer(signal.ITIMER_REAL, OTHER_S)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        names = list(self.chosen.seconds)
        order = {name: number for number, name in enumerate(names)}
        items[:] = [one for one in items if self._name(one.nodeid) is not None]
        items.sort(key=lambda one: order[str(self._name(one.nodeid))])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        seconds = self.chosen.seconds[str(self._name(item.nodeid))]
        signal.setitimer(signal.ITIMER_REAL, 5 * seconds + self.chosen.spare_s)
        result = yield
        signal.setitimer(signal.ITIMER_REAL, OTHER_S)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(str(self._name(report.nodeid)))

    def _name(self, node: str) -> str | None:
        """Return the chosen name of a test: its own, or that without its parameters."""
        names = self.chosen.seconds
        plain = node.split("[")[0]
        return node if node in names else plain if plain in names else None
