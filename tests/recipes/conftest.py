"""The workspace of the toy recipe."""

from pathlib import Path

import pytest

from medusa.tests.recipes.toy_recipe import make_home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two modalities, each telling half of the class; and a recipe about them."""
    return make_home(tmp_path)
