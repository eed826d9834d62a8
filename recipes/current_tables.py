"""The tables of a recipe from the runs that are up to date; nothing is trained."""

from collections.abc import Sequence

from medusa.errors import ConfigError
from medusa.recipes.definition.load import load
from medusa.recipes.options import RecipeOptions
from medusa.recipes.state import State
from medusa.reports.tables.result_table import ResultTable
from medusa.workspace import Workspace


def current_tables(
    workspace: Workspace,
    recipe: str,
    settings: Sequence[str] = (),
    tiny: bool = False,
    repeats: int | None = None,
) -> list[ResultTable]:
    """Return our results next to the published ones, and the missing and stale parts.

    Args:
        workspace: with a manifest, features and runs.
        recipe: the name of a shipped recipe, or the path of a YAML file.
        settings, tiny, repeats: changes of the recipe, as in `RecipeOptions`.

    Raises:
        MedusaError: the recipe has mistakes, there is no manifest, or no head has a run that is up
            to date.
    """
    loaded, state = load(recipe, settings, tiny, repeats), State.read(workspace, recipe, tiny)
    command = f"`medusa run {recipe}{' --tiny' if tiny else ''}`"
    if not state.begun:
        raise ConfigError(f"{state.path}: this recipe has not run here yet; run it with {command}")
    # These import heavy libraries.
    from medusa.recipes.find_runs import find_runs
    from medusa.recipes.tables import tables

    options = RecipeOptions(text=state.text, missing=state.missing)
    found = find_runs(workspace, loaded, options, state.runs)
    if not found.heads:
        reasons = [f"{task}: {' '.join(why.split())}" for task, why in found.missing.items()]
        raise ConfigError(
            "\n  ".join([f"{state.path}: no part is up to date; run {command}:", *reasons])
        )
    return tables(workspace, loaded, found)
