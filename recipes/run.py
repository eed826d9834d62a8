"""Run a recipe: features, heads, ensembles, tables and a report."""

import dataclasses
from pathlib import Path

from medusa.lock import locked
from medusa.recipes.definition.load import load
from medusa.recipes.definition.recipe import Recipe
from medusa.recipes.options import RecipeOptions, RecipeResult
from medusa.recipes.state import State, stamp
from medusa.recipes.tasks import check_only, wanted
from medusa.workspace import Workspace

REPORT, OVERVIEW = "report.html", "overview.html"
DEFAULTS = RecipeOptions()


def run_recipe(
    workspace: Workspace, recipe: str, options: RecipeOptions = DEFAULTS
) -> RecipeResult:
    """Extract missing features, train heads, fit ensembles, and write the tables and a report.

    Finished runs with the same inputs are kept. A part that fails costs only the parts that need
    it, and the result names it.

    Args:
        workspace: with a manifest; with `tiny` an empty folder is enough.
        recipe: the name of a shipped recipe, or the path of a YAML file.
        options: how the recipe is changed, and how it is run.

    Raises:
        MedusaError: the recipe has mistakes, or there is no corpus or no split.
    """
    loaded = load(recipe, options.settings, options.tiny, options.repeats)
    if not options.stacks:
        loaded = dataclasses.replace(loaded, stacks={}, main="")
    check_only(loaded, options.only)
    state = State.read(workspace, recipe, options.tiny)
    if options.only is None and state.stamp == stamp(workspace, loaded, options, state):
        return state.result(loaded)
    from medusa.recipes.corpus import make_corpus  # It is needed only if there is something to do.

    stand_ins = make_corpus(workspace, options)
    with locked(state.path, "running this recipe"):
        state = State.read(workspace, recipe, options.tiny)  # It may have ended a moment ago.
        return _run(workspace, loaded, options, state, stand_ins)


def _run(
    workspace: Workspace,
    loaded: Recipe,
    options: RecipeOptions,
    state: State,
    stand_ins: Path | None,
) -> RecipeResult:
    """Run the missing parts of a recipe, and write its tables, its report and its state."""
    # These import heavy libraries, which are needed only if there is something to do.
    from medusa.distributed.ray_workers import connection
    from medusa.recipes.report import write_heads_overview, write_main_report
    from medusa.recipes.tables import tables
    from medusa.recipes.update import update

    state.begin(options.text, options.missing)
    with connection(options.device):
        found = update(workspace, loaded, state.path.name, options, stand_ins, state.runs)
    state.runs |= found.heads | found.stacks
    problems = {name: why for name, why in found.missing.items() if wanted(name, options.only)}
    made = tables(workspace, loaded, found)
    state.write_tables(made)
    main = found.stacks.get(loaded.main, "")
    if problem := write_main_report(workspace, main, state.path / REPORT):
        problems["report"] = problem
    heads, folder = found.heads.values(), state.path
    if problem := write_heads_overview(workspace, folder.name, heads, folder / OVERVIEW):
        problems["overview"] = problem
    if not problems and options.only is None:
        state.stamp = stamp(workspace, loaded, options, state)
    state.write()
    return RecipeResult(state.path, found.heads, found.stacks, made, problems)
