"""Find the finished runs of a recipe, and the reasons why the others are missing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from medusa.cache import open_all
from medusa.errors import MedusaError
from medusa.heads.runs.run_dir import RunDir, finished_run
from medusa.manifests import Manifest
from medusa.recipes.definition.recipe import Recipe
from medusa.recipes.identity import (
    Record,
    head_record,
    stack_record,
    why_stale,
)
from medusa.recipes.options import RecipeOptions
from medusa.recipes.tasks import head_spec, head_tasks, stack_tasks
from medusa.workspace import Workspace


@dataclass
class RecipeRuns:
    """The runs of a recipe that are up to date, and the tasks that have none.

    Attributes:
        heads, stacks: task -> the name of its run.
        missing: task -> the reason why it has no run.
    """

    heads: dict[str, str] = field(default_factory=dict)
    stacks: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def find_runs(
    workspace: Workspace,
    recipe: Recipe,
    options: RecipeOptions,
    last: Mapping[str, str],
    trained: Mapping[str, tuple[str, str]] | None = None,
) -> RecipeRuns:
    """Find the finished run of every task by its identity; nothing is trained.

    Args:
        workspace: with manifest, features and runs.
        recipe: the recipe.
        options: the source of the texts, and whether utterances may lack features.
        last: task -> its last run, which explains why a task has no run.
        trained: head -> (run, reason), of the heads that were trained just now.

    Raises:
        MedusaError: there is no manifest.
    """
    manifest, found = Manifest.read(workspace.manifest).digest(), RecipeRuns()
    required = required_by_all(workspace, recipe, options)
    for head in head_tasks(recipe):
        record_of = partial(head_record, workspace, head_spec(head, "", options, required))
        run, reason = (trained or {}).get(head.name) or _find(workspace, record_of, head.name, last)
        (found.heads if run else found.missing)[head.name] = run or reason
    for stack in stack_tasks(recipe):
        entry = recipe.stacks[stack.stack]
        record_of = partial(stack_record, workspace, entry, stack, found.heads, manifest)
        run, reason = _find(workspace, record_of, stack.name, last)
        (found.stacks if run else found.missing)[stack.name] = run or reason
    return found


def required_by_all(
    workspace: Workspace, recipe: Recipe, options: RecipeOptions
) -> tuple[str, ...]:
    """Return the available features that every utterance must have under `missing: drop`."""
    if options.missing != "drop":
        return ()
    present = {store.spec.backbone for store in open_all(*workspace.feature_folders)}
    read = {name for task in head_tasks(recipe) for name in task.features}
    return tuple(sorted(name for name in read if name.partition(":")[0] in present))


def _find(
    workspace: Workspace, record_of: Callable[[], Record], task: str, last: Mapping[str, str]
) -> tuple[str, str]:
    """Return the name of a task's run, or an empty name and the reason why it has none."""
    try:
        record = record_of()
        if run := finished_run(workspace.runs, record):
            return run.name, ""
        before = RunDir(workspace.runs / last[task]) if task in last else None
        if before is None or not before.finished:
            return "", "it has no finished run with these settings and data yet"
        return "", why_stale(before, record)
    except MedusaError as problem:
        return "", str(problem)
