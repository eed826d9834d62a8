"""The table of docs/faithfulness.md against the settings that the recipes resolve to."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from medusa.ensemble.stacker import Training
from medusa.heads.config import load as load_config
from medusa.recipes.definition.files import shipped
from medusa.recipes.definition.load import load
from medusa.recipes.tasks import head_tasks

PAGE = Path(__file__).parents[2] / "docs/faithfulness.md"
ROWS = [
    [cell.strip().strip("`") for cell in line.strip("|\n ").split(" | ")]
    for line in PAGE.read_text().splitlines()
    if line.startswith("| `")
]


def at(thing: Any, path: str) -> Any:
    for key in path.split("."):
        if isinstance(thing, dict):
            thing = thing[key]
        else:
            thing = thing[int(key)] if key.isdigit() else getattr(thing, key)
    return list(thing) if isinstance(thing, tuple) else thing


def found(recipe: str, setting: str) -> list[Any]:
    """Return the values of a setting in everything that the row is about."""
    subject, _, path = setting.rpartition(" ")
    if subject == "Training":
        return [at(Training(), path)]
    if recipe == "medusa-published":
        return [at(load_config(recipe), path)]
    loaded = load(recipe)
    if subject in loaded.stacks:
        return [at(loaded.stacks[subject], path)]
    kind, _, name = subject.partition(" ")
    if kind == "recipe":
        return [at(loaded, path)]
    if kind == "feature":
        return [at(loaded.features[name], path)]
    ablation = name if kind == "ablation" else None
    tasks = [task for task in head_tasks(loaded) if task.ablation == ablation]
    heads = {task.head for task in tasks} if kind in ("", "ablation") else {subject}
    return [at(task.config, path) for task in tasks if task.head in heads]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}, {row[3]}")
def test_a_recipe_has_the_setting_of_its_source(row: list[str]) -> None:
    recipe, statement, place, setting, value = row
    assert statement.endswith(".") and place
    values = found(recipe, setting)
    assert values and all(one == yaml.safe_load(value) for one in values)


def test_the_table_has_every_shipped_recipe() -> None:
    assert {row[0] for row in ROWS} == {*shipped(), "medusa-published"}
    assert len(ROWS) > 110
    assert len({(row[0], row[3]) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", [ROWS[0], ROWS[-2]], ids=["a number", "another"])
def test_another_value_is_noticed(row: list[str]) -> None:
    """The comparison would fail if the table or the recipe drifted."""
    assert all(one != yaml.safe_load(row[4] + "9") for one in found(row[0], row[3]))
