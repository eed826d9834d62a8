"""Find the runs of a recipe that are still current, and drop the stale ones."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

from medusa.ensemble import StackConfig, best
from medusa.ensemble.stackers import record as stack_record
from medusa.errors import DataError, MedusaError, RunError, listed
from medusa.heads.examples.choose import ChosenFeature, choose
from medusa.heads.fitting.texts_digest import current_texts_digest
from medusa.heads.runs.config_digest import digest_of
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.recipes.recipe import Recipe, StackEntry
from medusa.recipes.state import State
from medusa.recipes.tasks import HeadTask, StackTask, head_tasks, stack_tasks
from medusa.workspace import Workspace

Streams = Callable[[tuple[str, ...]], list[ChosenFeature]]


def without_stale_runs(
    workspace: Workspace, recipe: Recipe, state: State, manifest: Manifest
) -> State:
    """Return the state without the runs that the recipe, as it now is, would not make.

    A run is stale if its task no longer exists, or if its settings, features, members, texts or
    manifest differ. Tables with stale runs would compare different things.
    """
    digest, texts_digest = manifest.digest(), cache(partial(_texts_digest, workspace, manifest))
    streams = cache(partial(choose, workspace.features))  # many heads read the same features
    heads = {
        task.name: state.heads[task.name]
        for task in head_tasks(recipe)
        if task.name in state.heads
        and _is_current(
            task, RunDir(workspace.runs / state.heads[task.name]), digest, texts_digest, streams
        )
    }
    kept = replace(state, heads=heads, stacks={})
    for one in stack_tasks(recipe):
        if one.name in state.stacks:
            try:
                run, _, _ = stack_run(workspace, digest, recipe.stacks[one.stack], one, kept)
            except MedusaError:
                continue  # some of its members no longer exist
            if run.name == state.stacks[one.name]:
                kept.stacks[one.name] = run.name
    return kept


def stack_run(
    workspace: Workspace, manifest: str, stack: StackEntry, task: StackTask, state: State
) -> tuple[RunDir, list[RunDir], StackConfig]:
    """Return the run of an ensemble, named by what it depends on; its members; its settings.

    Args:
        workspace: it holds the runs.
        manifest: the manifest's digest.
        stack, task: the ensemble and its repeat.
        state: it names the members' runs.

    Raises:
        MedusaError: members are missing, or the settings are invalid.
    """
    members = _members(workspace, stack, task, state)
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
        **stack_record(config),
    }
    name = f"{state.path.name}.{task.name}.{digest_of(facts)[:12]}"
    return RunDir(workspace.runs / name), members, config


def _members(
    workspace: Workspace, stack: StackEntry, task: StackTask, state: State
) -> list[RunDir]:
    """Return the members' runs; with `top`, only the best of them on dev.

    Raises:
        RunError: some are missing.
    """
    absent = [name for name in task.members if name not in state.heads]
    if absent:
        raise RunError(f"not stacked, {listed(absent)} being missing")
    runs = [RunDir(workspace.runs / state.heads[name]) for name in task.members]
    return runs if stack.top is None else best(runs, stack.top)


def _is_current(
    task: HeadTask,
    run: RunDir,
    manifest: str,
    texts_digest: Callable[[str], str | None],
    streams: Streams,
) -> bool:
    """Return whether a run has this manifest, these settings and features, and today's texts."""
    try:
        record = run.config()
    except MedusaError:
        return False
    settings = task.config.to_dict()
    return (
        digest_of({key: record.get(key) for key in settings}) == digest_of(settings)
        and record.get("manifest") == manifest
        and _reads_same_features(task, record.get("features", []), streams)
        and ("texts" not in record or texts_digest(record["text"]) in (None, record["texts"]))
    )


def _texts_digest(workspace: Workspace, manifest: Manifest, source: str) -> str | None:
    """Return the digest of a transcripts table, or None if the table no longer exists."""
    try:
        return current_texts_digest(manifest, workspace.transcripts, source)
    except DataError:
        return None


def _reads_same_features(task: HeadTask, features: list[dict[str, str]], streams: Streams) -> bool:
    """Return whether a head that has read these features would read the same ones today."""
    try:
        chosen = streams(task.features)
    except MedusaError:  # the stores were removed: only their names can be compared
        names = {one.partition(":")[0] for one in task.features}
        return names == {one["backbone"] for one in features}
    read = [(store.spec.backbone, store.spec.digest, array) for store, array in chosen]
    return read == [(one["backbone"], one["spec"], one["array"]) for one in features]
