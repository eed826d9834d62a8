"""The condition of a workspace: its manifest, its feature stores and its runs."""

from collections.abc import Iterator

from medusa.cache import FeatureStore
from medusa.cache.info import each, folders
from medusa.errors import MedusaError, listed, plural
from medusa.heads.runs.run_dir import all_runs
from medusa.manifests import Manifest
from medusa.recipes.doctor.condition import BAD, GOOD, NOTE, Condition
from medusa.workspace import Workspace


def manifest(workspace: Workspace) -> Condition:
    """Return the number of utterances, and the next step if there are none or no split."""
    if not workspace.manifest.exists():
        advice = "medusa manifest import CORPUS PATH, or medusa demo in an empty folder"
        return Condition("manifest", NOTE, "there is none yet", advice)
    try:
        frame = Manifest.read(workspace.manifest).frame
    except MedusaError as problem:
        return Condition("manifest", BAD, str(problem), "import the corpus again")
    found = f"{plural(len(frame), 'utterance')}, {frame['speaker'].nunique()} speakers"
    if frame["split"].isna().all():
        return Condition("manifest", NOTE, f"{found}, no split", "medusa manifest split random")
    return Condition("manifest", GOOD, found)


def cache(workspace: Workspace) -> Condition:
    """Return the number and the size of the feature stores; damaged ones are a problem."""
    stores, damaged = each(folders(*workspace.feature_folders), FeatureStore.open)
    size = sum(store.size_bytes() for store in stores)
    where = listed(workspace.feature_folders)
    found = f"{plural(len(stores), 'store')}, {size / 1e9:.2f} GB in {where}"
    if damaged:
        return Condition("features", BAD, listed(damaged), "medusa cache verify")
    advice = "" if stores else "medusa extract --backbone logmel needs no weights"
    return Condition("features", GOOD if stores else NOTE, found, advice)


def runs(workspace: Workspace) -> Condition:
    """Return the number of runs; unfinished runs are a note."""
    found = all_runs(workspace.runs)
    unfinished = [run.name for run in found if not run.finished]
    if unfinished:
        advice = "run the command of each again; it continues"
        return Condition("runs", NOTE, f"unfinished: {listed(unfinished)}", advice)
    return Condition("runs", GOOD, f"{plural(len(found), 'run')}, all finished")


def all_contents(workspace: Workspace) -> Iterator[Condition]:
    """Yield the condition of every part of a workspace."""
    for part in (manifest, cache, runs):
        yield part(workspace)
