"""Bundles of the tiny trained models; tests only read them."""

from pathlib import Path

import pytest

import medusa
from medusa.workspace import Workspace


@pytest.fixture(scope="session")
def bundled(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the bundle `s` of a stack, with the backbones that can be copied."""
    folder = tmp_path_factory.mktemp("bundles") / "s"
    workspace = Workspace.open(trained)
    result = medusa.write_bundle(workspace, "s", folder, with_backbones=True)
    assert result.not_contained == ("whisper",)
    return folder


@pytest.fixture
def whisper(trained: Path) -> dict[str, str]:
    """Return the place of the weights that a bundle does not contain."""
    return {"whisper": str(trained / "checkpoints" / "whisper.pt")}
