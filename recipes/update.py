"""Bring a recipe up to date in a workspace: features, heads, ensembles, tables, a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from medusa.cache import open_all
from medusa.console import say
from medusa.ensemble.fit_stack import stack as fit_stack
from medusa.errors import MedusaError
from medusa.heads.fitting.check_choices import check_choices
from medusa.heads.queue.spec import HeadSpec
from medusa.heads.queue.train_all import train_all
from medusa.manifests import Manifest
from medusa.recipes import features
from medusa.recipes.demo.session import run as run_command
from medusa.recipes.recipe import Recipe, StackEntry
from medusa.recipes.stale_runs import current, stack_run
from medusa.recipes.state import State
from medusa.recipes.tasks import HeadTask, StackTask, head_tasks, stack_tasks, wanted
from medusa.workspace import Workspace


class RunError(MedusaError):
    """Parts of a recipe that could not be brought about; the others are."""


@dataclass(frozen=True)
class Asked:
    """What the command line says beside the recipe.

    Attributes:
        devices: where features are extracted and heads trained.
        only: a pattern of tasks.
        ablations: whether ablations are trained.
        text: whose text is read.
        missing: `error`, or `drop`: all heads do without utterances that lack any of the features.
        jobs: so many heads at once.
        stand_ins: checkpoints for backbones of which the workspace has none, on a made-up corpus.
    """

    devices: Sequence[torch.device]
    only: str | None = None
    ablations: bool = True
    text: str | None = None
    missing: str = "error"
    jobs: int = 1
    stand_ins: Path | None = None


def bring(place: Workspace, recipe: Recipe, asked: Asked, state: State) -> None:
    """Train and combine what is missing; everything that is done stays, by content.

    Raises:
        RunError: at the end, with everything that failed.
    """
    state.problems = {}
    there = current(place, recipe, state, Manifest.read(place.manifest))
    state.heads = there.heads
    if recipe.stacks:  # `medusa ablate` asks for none and leaves those that are there
        state.stacks = there.stacks
    tasks = [one for one in head_tasks(recipe, asked.ablations) if wanted(one.name, asked.only)]
    _check(tasks)
    names = {name for one in tasks for name in one.features}
    _make_features(place, recipe, names, asked)
    _train(place, tasks, asked, state, _shared(place, recipe, asked))
    manifest = Manifest.read(place.manifest)
    for task in stack_tasks(recipe):
        if wanted(task.name, asked.only):
            _stack(place, manifest, recipe.stacks[task.stack], task, state)
    state.write()


def _check(tasks: Sequence[HeadTask]) -> None:
    """Refuse heads of which a name is no choice before anything is extracted or trained.

    Raises:
        RunError: with all of them.
    """
    problems = []
    for task in tasks:
        try:
            check_choices(task.config)
        except MedusaError as problem:
            problems.append(f"{task.name}: {problem}")
    if problems:
        raise RunError("\n  ".join(["nothing was trained:", *problems]))


def fail(state: State) -> None:
    """Raise what went wrong, if anything did."""
    if state.problems:
        lines = [f"{name}: {problem}" for name, problem in state.problems.items()]
        raise RunError("\n  ".join([f"{len(lines)} part(s) of the recipe are missing:", *lines]))


def _make_features(place: Workspace, recipe: Recipe, names: set[str], asked: Asked) -> None:
    """Extract what is missing; a backbone that fails costs the heads that need it, no others."""
    manifest = Manifest.read(place.manifest)
    manifest.split("train", "dev")  # raises where there is no split
    needs = features.needed(recipe, names)
    devices = [str(one) for one in asked.devices]
    for words in features.commands(place, manifest, needs, asked.text, devices, asked.stand_ins):
        try:
            run_command(place.root, words)
        except MedusaError as problem:
            say(f"{' '.join(words[:3])}: {problem}")


def _shared(place: Workspace, recipe: Recipe, asked: Asked) -> tuple[str, ...]:
    """Return the features, of those there are, without which `missing: drop` leaves a row out."""
    if asked.missing != "drop":
        return ()
    there = {store.spec.backbone for store in open_all(place.features)}
    read = {name for task in head_tasks(recipe, asked.ablations) for name in task.features}
    return tuple(sorted(name for name in read if name.partition(":")[0] in there))


def _train(
    place: Workspace,
    tasks: Sequence[HeadTask],
    asked: Asked,
    state: State,
    shared: tuple[str, ...],
) -> None:
    """Train the heads that no finished run has already, several at once if asked."""
    specs = [
        HeadSpec(
            task.name,
            f"{state.path.name}.{task.name}.{{digest}}",
            task.config,
            task.features,
            asked.text,
            asked.missing == "drop",
            shared,
        )
        for task in tasks
    ]
    for result in train_all(place, specs, asked.devices, asked.jobs):
        title = result.spec.title
        if result.problem:
            state.heads.pop(title, None)
            state.problems[title] = result.problem
            say(f"{title}: {result.problem}")
        else:
            state.heads[title] = result.run
        state.write()


def _stack(
    place: Workspace, manifest: Manifest, stack: StackEntry, task: StackTask, state: State
) -> None:
    """Fit one ensemble, unless a run of the same members and settings is there."""
    try:
        run, members, config = stack_run(place, manifest.digest(), stack, task, state)
        if not run.finished:
            fit_stack(run, members, manifest, config, force=run.exists)
            say(f"{task.name}: stacked")
        state.stacks[task.name] = run.name
    except MedusaError as problem:
        state.stacks.pop(task.name, None)
        state.problems[task.name] = str(problem)
        say(f"{task.name}: {problem}")
    state.write()
