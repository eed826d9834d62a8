"""The workspaces that the tests of this folder copy."""

import pytest

from medusa.tests.processes.workspaces import Templates


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Return the workspaces, which are made one time."""
    return Templates(tmp_path_factory.mktemp("templates"))
