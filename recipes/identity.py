"""The identity of a task alone decides which finished run is up to date.

The identity is a digest of everything that a run depends on: the configuration, the manifest, the
specifications of the features, the texts, the number of utterances, the members of an ensemble and
the format of the code. The name of a run ends with it, so recipes share runs.
"""

from collections.abc import Mapping
from typing import Any

from medusa.ensemble import StackConfig, best
from medusa.ensemble import record as stack_settings
from medusa.errors import RunError, listed
from medusa.heads.fitting.fit import prepare
from medusa.heads.runs.config_digest import FORMAT, difference
from medusa.heads.runs.run_dir import RunDir, identity
from medusa.heads.spec import HeadSpec
from medusa.recipes.definition.recipe import StackEntry
from medusa.recipes.tasks import StackTask
from medusa.workspace import Workspace

Record = dict[str, Any]
# The inputs of a run, and the reason why a run with another input is stale.
INPUTS = {
    "format": "code of another format made it",
    "manifest": "the manifest has changed",
    "features": "the features have changed",
    "texts": "the transcripts have changed",
    "votes": "the votes have changed",
    "utterances": "the number of utterances with features has changed",
    "members": "its members have changed",
}


def name_of_run(beginning: str, task: str, record: Record) -> str:
    """Return the name of a task's run, which ends with its identity."""
    return f"{beginning}.{task}.{identity(record)}"


def head_record(workspace: Workspace, spec: HeadSpec) -> Record:
    """Return everything that a head depends on, as its run's config.yaml holds it.

    Raises:
        MedusaError: the head cannot be trained on the present data.
    """
    return prepare(workspace, spec).record


def stack_inputs(
    workspace: Workspace, stack: StackEntry, task: StackTask, heads: Mapping[str, str]
) -> tuple[list[RunDir], StackConfig]:
    """Return the members of an ensemble, with `top` the best of them on dev, and its settings.

    Args:
        workspace: it holds the runs.
        stack, task: the ensemble and its repeat.
        heads: task -> run, of the heads that are up to date.

    Raises:
        MedusaError: members are missing, or the settings are invalid.
    """
    absent = [name for name in task.members if name not in heads]
    if absent:
        raise RunError(f"its members have no run: {listed(absent)}")
    members = [RunDir(workspace.runs / heads[name]) for name in task.members]
    config = StackConfig(
        method=stack.method,
        fit_on=stack.fit_on,
        inputs=stack.inputs,
        with_attributes=stack.with_attributes,
        seeds=stack.seeds,
        soup=stack.soup,
        prior=stack.prior,
    )
    return members if stack.top is None else best(members, stack.top), config


def stack_record(
    workspace: Workspace,
    stack: StackEntry,
    task: StackTask,
    heads: Mapping[str, str],
    manifest: str,
) -> Record:
    """Return everything that an ensemble depends on.

    Args:
        workspace, stack, task, heads: see `stack_inputs`.
        manifest: the manifest's digest.

    Raises:
        MedusaError: members are missing, or the settings are invalid.
    """
    members, config = stack_inputs(workspace, stack, task, heads)
    digests = [one.digest() for one in members]
    return {"format": FORMAT, "members": digests, "manifest": manifest, **stack_settings(config)}


def why_stale(run: RunDir, record: Record) -> str:
    """Return the first input or setting in which a finished run differs from a record."""
    old = run.config()
    stored = old | {"format": old.get("format", 1)}
    if old.get("kind") == "stack":
        stored["members"] = [one["digest"] for one in old["members"]]
    for key, reason in INPUTS.items():
        if record.get(key) != stored.get(key):
            return f"{run.name} is stale: {reason}"
    settings = [key for key in record if key not in (*INPUTS, "training")]
    before, now = ({key: one.get(key) for key in settings} for one in (stored, record))
    return f"{run.name} is stale: {difference(before, now)}"
