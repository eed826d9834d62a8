"""Run a recipe from the command line; return at once if everything is up to date."""

import dataclasses
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from medusa.console import say
from medusa.errors import ConfigError, MedusaError, listed
from medusa.recipes.load import load
from medusa.recipes.recipe import Recipe
from medusa.recipes.state import State, fingerprint
from medusa.recipes.tasks import head_tasks, stack_tasks, wanted
from medusa.workspace import Workspace

TABLES, REPORT = "tables", "report.html"
STAND_INS = "recipes/stand-ins"


def read_recipe(name: str, settings: Sequence[str], tiny: bool, repeats: int | None) -> Recipe:
    """Read a recipe and apply the changes of the command line.

    Raises:
        ConfigError: it has mistakes, or `repeats` is below 1.
    """
    recipe = load(name, settings, tiny)
    if repeats is None:
        return recipe
    if repeats < 1:
        raise ConfigError(f"--repeats {repeats}: expected at least 1")
    return dataclasses.replace(recipe, repeats=repeats)


def state_name(name: str, tiny: bool) -> str:
    """Return the folder of a recipe's state, tables and report in a workspace."""
    return Path(name).stem + ("-tiny" if tiny else "")


def run_recipe(
    root: Path,
    name: str,
    tiny: bool = False,
    settings: Sequence[str] = (),
    repeats: int | None = None,
    only: str | None = None,
    text: str | None = None,
    missing: str = "error",
    device: str = "auto",
    jobs: int = 1,
    ablations: bool = True,
    stacks: bool = True,
) -> None:
    """Run the parts of a recipe that are missing or stale, and print its tables.

    Raises:
        MedusaError: the recipe has mistakes, there is no corpus, or, at the end, some parts failed.
    """
    began = time.monotonic()
    recipe = read_recipe(name, settings, tiny, repeats)
    if not stacks:
        recipe = dataclasses.replace(recipe, stacks={}, main="")
    root.mkdir(parents=True, exist_ok=True)
    workspace = Workspace.open(root)
    state = State.read(workspace, state_name(name, tiny))
    options = {"only": only, "ablations": ablations, "text": text, "missing": missing}
    if only is not None:
        _check_only(recipe, name, only, ablations)
    if state.seen and state.seen == fingerprint(workspace, recipe, state, options):
        print((state.path / f"{TABLES}.txt").read_text(encoding="utf-8"))
        say(f"{state.path.name}: up to date, nothing to do ({time.monotonic() - began:.1f} s)")
        return
    _execute(workspace, recipe, state, tiny, device, jobs, options)
    say(f"{state.path.name}: {time.monotonic() - began:.0f} s; tables in {state.path}")
    from medusa.recipes.update import raise_problems

    raise_problems(state)
    state.seen = fingerprint(workspace, recipe, state, options)
    state.write()


def _check_only(recipe: Recipe, name: str, only: str, ablations: bool) -> None:
    tasks = [one.name for one in head_tasks(recipe, ablations)]
    tasks += [one.name for one in stack_tasks(recipe)]
    if not any(wanted(one, only) for one in tasks):
        raise ConfigError(f"--only {only}: {name} has no such task; there is {listed(tasks, 20)}")


def _execute(
    workspace: Workspace,
    recipe: Recipe,
    state: State,
    tiny: bool,
    device: str,
    jobs: int,
    options: dict[str, Any],
) -> None:
    from medusa.device import choose_devices, one_thread
    from medusa.recipes.synthetic.tiny_corpus import make_tiny_corpus
    from medusa.recipes.update import RunOptions, update

    devices, _ = choose_devices(device)
    if not tiny and not workspace.manifest.exists():
        raise ConfigError(
            f"{workspace.manifest}: no manifest here; make one with `medusa manifest import CORPUS "
            "PATH`, or see the recipe run on a made-up corpus with --tiny"
        )
    state.seen = ""
    state.write()
    with one_thread() if tiny else nullcontext():
        stand_ins = make_tiny_corpus(workspace, workspace.root / STAND_INS) if tiny else None
        order = RunOptions(devices, jobs=jobs, stand_ins=stand_ins, **options)
        update(workspace, recipe, order, state)
    _conclude(workspace, recipe, state)


def _conclude(workspace: Workspace, recipe: Recipe, state: State) -> None:
    """Print and write the tables; write the report of the main ensemble."""
    from medusa.heads.runs.run_dir import SUMMARY, find_run
    from medusa.manifests import Manifest
    from medusa.recipes.render import markdown, text
    from medusa.recipes.tables import tables
    from medusa.reports.page import write_report

    if not state.heads:
        return
    made = tables(workspace, recipe, state)
    printed = "\n".join(text(one) for one in made)
    state.write_text(f"{TABLES}.txt", printed)
    state.write_text(f"{TABLES}.md", "\n".join(markdown(one) for one in made))
    print(printed)
    main = state.stacks.get(recipe.main)
    if main is None:
        return
    try:
        run, manifest = find_run(workspace.runs, main), Manifest.read(workspace.manifest)
        split = run.read_json(SUMMARY)["split"]  # dev, where test has no labels
        write_report(run, manifest, state.path / REPORT, split)
    except MedusaError as problem:
        state.problems["report"] = str(problem)
