"""Update a recipe in a workspace: extract features, train heads, fit ensembles."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from medusa.cache import open_all
from medusa.console import say
from medusa.ensemble import stack as fit_stack
from medusa.errors import MedusaError
from medusa.heads.fitting.check_choices import check_choices
from medusa.heads.queue.fit_heads import fit_heads
from medusa.heads.spec import HeadResult, HeadSpec
from medusa.manifests import Manifest
from medusa.recipes import features
from medusa.recipes.demo.session import run as run_command
from medusa.recipes.recipe import Recipe, StackEntry
from medusa.recipes.stale_runs import stack_run, without_stale_runs
from medusa.recipes.state import State
from medusa.recipes.tasks import HeadTask, StackTask, head_tasks, stack_tasks, wanted
from medusa.workspace import Workspace


@dataclass(frozen=True)
class RunOptions:
    """The options of the command line that are not part of the recipe.

    Attributes:
        devices: the devices that extract features and train heads.
        only: a pattern that the names of the tasks must fit.
        ablations: whether ablations are trained.
        text: the source of the texts, `manifest` or a transcripts table.
        missing: `error`, or `drop`: all heads leave out utterances that lack any feature.
        jobs: how many heads are trained at the same time.
        stand_ins: the folder of random-weight checkpoints, used where the workspace has none.
    """

    devices: Sequence[torch.device]
    only: str | None = None
    ablations: bool = True
    text: str | None = None
    missing: str = "error"
    jobs: int = 1
    stand_ins: Path | None = None


def update(workspace: Workspace, recipe: Recipe, options: RunOptions, state: State) -> None:
    """Train and combine the missing parts; finished runs with the same content are kept.

    Raises:
        MedusaError: raised at the end; it lists every part that failed.
    """
    state.problems = {}
    present = without_stale_runs(workspace, recipe, state, Manifest.read(workspace.manifest))
    state.heads = present.heads
    if recipe.stacks:  # `medusa ablate` has no stacks and keeps those of earlier runs
        state.stacks = present.stacks
    tasks = [one for one in head_tasks(recipe, options.ablations) if wanted(one.name, options.only)]
    _check(tasks)
    names = {name for one in tasks for name in one.features}
    _make_features(workspace, recipe, names, options)
    _train(workspace, tasks, options, state, _shared(workspace, recipe, options))
    manifest = Manifest.read(workspace.manifest)
    for task in stack_tasks(recipe):
        if wanted(task.name, options.only):
            _stack(workspace, manifest, recipe.stacks[task.stack], task, state)
    state.write()


def _check(tasks: Sequence[HeadTask]) -> None:
    """Check every head's choices before anything is extracted or trained.

    Raises:
        MedusaError: some heads name a choice that does not exist; all are listed.
    """
    problems = []
    for task in tasks:
        try:
            check_choices(task.config)
        except MedusaError as problem:
            problems.append(f"{task.name}: {problem}")
    if problems:
        raise MedusaError("\n  ".join(["nothing was trained:", *problems]))


def raise_problems(state: State) -> None:
    """Raise an error that lists the problems, if there are any."""
    if state.problems:
        lines = [f"{name}: {problem}" for name, problem in state.problems.items()]
        raise MedusaError("\n  ".join([f"{len(lines)} part(s) of the recipe are missing:", *lines]))


def _make_features(
    workspace: Workspace, recipe: Recipe, names: set[str], options: RunOptions
) -> None:
    """Extract the missing features; if a backbone fails, only the heads that need it fail."""
    manifest = Manifest.read(workspace.manifest)
    manifest.split("train", "dev")  # raises where there is no split
    needs = features.needed(recipe, names)
    devices = [str(one) for one in options.devices]
    for words in features.commands(
        workspace, manifest, needs, options.text, devices, options.stand_ins
    ):
        try:
            run_command(workspace.root, words)
        except MedusaError as problem:
            say(f"{' '.join(words[:3])}: {problem}")


def _shared(workspace: Workspace, recipe: Recipe, options: RunOptions) -> tuple[str, ...]:
    """Return the available features that every row must have under `missing: drop`."""
    if options.missing != "drop":
        return ()
    present = {store.spec.backbone for store in open_all(workspace.features)}
    read = {name for task in head_tasks(recipe, options.ablations) for name in task.features}
    return tuple(sorted(name for name in read if name.partition(":")[0] in present))


def _train(
    workspace: Workspace,
    tasks: Sequence[HeadTask],
    options: RunOptions,
    state: State,
    shared: tuple[str, ...],
) -> None:
    """Train the heads that have no finished run, `jobs` of them at the same time."""
    specs = {
        task.name: HeadSpec(
            f"{state.path.name}.{task.name}",
            task.config,
            task.features,
            options.text,
            options.missing == "drop",
            shared,
            named_by_content=True,
        )
        for task in tasks
    }
    task_names = {spec.name: name for name, spec in specs.items()}

    def keep(result: HeadResult) -> None:
        name = task_names[result.spec.name]
        if result.problem:
            state.heads.pop(name, None)
            state.problems[name] = result.problem
            say(f"{name}: {result.problem}")
        else:
            state.heads[name] = result.run
        state.write()

    fit_heads(
        workspace, [*specs.values()], devices=options.devices, jobs=options.jobs, on_result=keep
    )


def _stack(
    workspace: Workspace, manifest: Manifest, stack: StackEntry, task: StackTask, state: State
) -> None:
    """Fit one ensemble, unless a finished run has the same members and settings."""
    try:
        run, members, config = stack_run(workspace, manifest.digest(), stack, task, state)
        if not run.finished:
            fit_stack(run, members, manifest, config, force=run.exists)
            say(f"{task.name}: stacked")
        state.stacks[task.name] = run.name
    except MedusaError as problem:
        state.stacks.pop(task.name, None)
        state.problems[task.name] = str(problem)
        say(f"{task.name}: {problem}")
    state.write()
