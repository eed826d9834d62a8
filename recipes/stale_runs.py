"""Which of the runs that a recipe has brought about are still what it says."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

from medusa.cache import FeatureStore
from medusa.ensemble.fit_stack import best
from medusa.ensemble.members import MembersError
from medusa.ensemble.stackers import StackConfig
from medusa.errors import MedusaError, listed
from medusa.heads.examples.join import choose
from medusa.heads.fitting.texts_digest import current_texts_digest
from medusa.heads.runs.config_digest import digest_of
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.manifests.texts import TextError
from medusa.recipes.recipe import Recipe, StackEntry
from medusa.recipes.state import State
from medusa.recipes.tasks import HeadTask, StackTask, head_tasks, stack_tasks
from medusa.workspace import Workspace

Streams = Callable[[tuple[str, ...]], list[tuple[FeatureStore, str]]]


def current(place: Workspace, recipe: Recipe, state: State, manifest: Manifest) -> State:
    """Return the state without the runs that the recipe, as it now is, would not make.

    Those of tasks that it no longer has, of other settings, features or members, of another
    manifest: side by side they would compare what does not belong together.
    """
    digest, said = manifest.digest(), cache(partial(_said, place, manifest))
    streams = cache(partial(choose, place.features))  # many heads read the same
    heads = {
        task.name: state.heads[task.name]
        for task in head_tasks(recipe)
        if task.name in state.heads
        and _fits(task, RunDir(place.runs / state.heads[task.name]), digest, said, streams)
    }
    there = replace(state, heads=heads, stacks={})
    for one in stack_tasks(recipe):
        if one.name in state.stacks:
            try:
                run, _, _ = stack_run(place, digest, recipe.stacks[one.stack], one, there)
            except MedusaError:
                continue  # of members that are no longer there
            if run.name == state.stacks[one.name]:
                there.stacks[one.name] = run.name
    return there


def stack_run(
    place: Workspace, manifest: str, stack: StackEntry, task: StackTask, state: State
) -> tuple[RunDir, list[RunDir], StackConfig]:
    """Return the run of an ensemble, named by what it depends on; its members; its settings.

    Args:
        place: the workspace.
        manifest: its digest.
        stack, task: the ensemble, and of which repeat.
        state: where its members are.

    Raises:
        MedusaError: members are missing, or the settings cannot be.
    """
    members = _members(place, stack, task, state)
    config = StackConfig(
        method=stack.method,
        fit_on=stack.fit_on,
        inputs=stack.inputs,
        with_attributes=stack.with_attributes,
        seeds=stack.seeds,
        soup=stack.soup,
    )
    facts = {
        "members": [one.digest() for one in members],
        "manifest": manifest,
        **config.record(),
    }
    name = f"{state.path.name}.{task.name}.{digest_of(facts)[:12]}"
    return RunDir(place.runs / name), members, config


def _members(place: Workspace, stack: StackEntry, task: StackTask, state: State) -> list[RunDir]:
    """Return the runs of an ensemble; of `top`, the best on dev.

    Raises:
        MembersError: some are missing.
    """
    absent = [name for name in task.members if name not in state.heads]
    if absent:
        raise MembersError(f"not stacked, {listed(absent)} being missing")
    runs = [RunDir(place.runs / state.heads[name]) for name in task.members]
    return runs if stack.top is None else best(runs, stack.top)


def _fits(
    task: HeadTask,
    run: RunDir,
    manifest: str,
    said: Callable[[str], str | None],
    streams: Streams,
) -> bool:
    """Tell whether a run is of this manifest, these settings and features, and today's texts."""
    try:
        record = run.config()
    except MedusaError:
        return False
    asked = task.config.to_dict()
    return (
        digest_of({key: record.get(key) for key in asked}) == digest_of(asked)
        and record.get("manifest") == manifest
        and _reads(task, record.get("features", []), streams)
        and ("texts" not in record or said(record["text"]) in (None, record["texts"]))
    )


def _said(place: Workspace, manifest: Manifest, source: str) -> str | None:
    """Return a digest of what a table of transcripts says, None if it is gone."""
    try:
        return current_texts_digest(manifest, place.transcripts, source)
    except TextError:
        return None


def _reads(task: HeadTask, features: list[dict[str, str]], streams: Streams) -> bool:
    """Tell whether a head that has read these features would read the same again."""
    try:
        chosen = streams(task.features)
    except MedusaError:  # removed since: then only their names can tell
        names = {one.partition(":")[0] for one in task.features}
        return names == {one["backbone"] for one in features}
    read = [(store.spec.backbone, store.spec.digest, array) for store, array in chosen]
    return read == [(one["backbone"], one["spec"], one["array"]) for one in features]
