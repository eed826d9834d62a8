"""Fixtures for all rooms."""

from collections.abc import Iterator

import pytest

from medusa.console import show_progress


@pytest.fixture
def shown() -> Iterator[None]:
    """Show messages on stderr inside a test that calls functions rather than commands."""
    with show_progress():
        yield
