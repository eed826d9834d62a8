"""The run with which baselines are compared, and the features and texts that it reads."""

from collections.abc import Iterator
from typing import Any

from medusa.cache import open_all
from medusa.errors import RunError
from medusa.heads.runs.run_dir import RunDir, find_run
from medusa.workspace import Workspace


def finished_named(workspace: Workspace, name: str) -> RunDir:
    """Return the finished run of this name.

    Raises:
        RunError: there is no such run, or it is not finished.
    """
    run = find_run(workspace.runs, name)
    if not run.finished:
        raise RunError(f"{run.path}: expected a finished run; run its command again to continue it")
    return run


def features_and_text(run: RunDir, workspace: Workspace) -> tuple[tuple[str, ...], str | None]:
    """Return the features that a head, or the heads of a stack, read, and the source of the texts.

    Returns:
        The features, as `medusa fit-head --backbones` takes them, without those whose store is
        gone; and the source, or None.
    """
    stores = {store.spec.digest: store.path.stem for store in open_all(*workspace.feature_folders)}
    found, text = dict[str, None](), None
    for config in _heads(run):
        text = text or config.get("text")
        for feature in config.get("features", []):
            if feature["spec"] in stores:
                found[f"{stores[feature['spec']]}:{feature['array']}"] = None
    return tuple(found), text


def _heads(run: RunDir) -> Iterator[dict[str, Any]]:
    """Yield the configurations of a run and of its members, to any depth."""
    config = run.config()
    yield config
    for member in config.get("members", []):
        yield from _heads(find_run(run.path.parent, member["name"]))
