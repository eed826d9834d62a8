"""Fixtures for all rooms."""

import os
from collections.abc import Iterator

import pytest

from medusa.console import show_progress


@pytest.fixture
def shown() -> Iterator[None]:
    """Show messages on stderr inside a test that calls functions rather than commands."""
    with show_progress():
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Let `os.fsync` return at once. No test cuts the power, and a slow disk would cost minutes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


MAY_SKIP = ("MEDUSA_REAL_DATA", "MEDUSA_LONG_TESTS")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the session if MEDUSA_FEW_SKIPS is set and a test was skipped for another reason."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if "MEDUSA_FEW_SKIPS" not in os.environ or reporter is None:  # a worker of xdist has none
        return
    skipped = [str(report.longrepr) for report in reporter.stats.get("skipped", ())]
    hidden = [reason for reason in skipped if not any(name in reason for name in MAY_SKIP)]
    for reason in hidden:
        reporter.write_line(f"\nThis skip is not allowed: {reason}", red=True)
    if hidden and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
