"""Every shipped recipe from an empty folder to its tables, in its tiny profile."""

import json

import pytest

from medusa.recipes.definition.files import shipped
from medusa.recipes.definition.load import load
from medusa.recipes.synthetic.corpus import NOTE
from medusa.tests.command_line import call


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_shipped_recipe_runs_and_then_does_nothing(tmp_path):
    home = tmp_path / "home"  # shared: features, and runs that are the same in two recipes
    for name in shipped():
        call(home, "run", name, "--tiny")
        recipe, folder = load(name, tiny=True), home / "recipes" / f"{name}-tiny"
        state = json.loads((folder / "state.json").read_text())
        assert {*recipe.heads, *recipe.stacks} <= set(state["runs"])
        each = len(recipe.stacks) + len(recipe.heads) * (1 + len(recipe.ablations))
        assert len(state["runs"]) == recipe.repeats * each
        tables = (folder / "tables.md").read_text()
        assert all(f"| {head} |" in tables for head in recipe.heads) and "## Missing" not in tables
        assert NOTE in tables
        assert (folder / "report.html").exists() == bool(recipe.main)
        assert "up to date, nothing to do" in call(home, "run", name, "--tiny").output
