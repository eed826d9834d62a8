"""Combine finished runs of a workspace into one ensemble, which is a run itself."""

from collections.abc import Sequence

from medusa.console import say
from medusa.ensemble.choose_members import chosen_members
from medusa.ensemble.stacker import StackConfig
from medusa.ensemble.stacking import stack
from medusa.heads.runs.run_dir import RunDir, new_run
from medusa.manifests import Manifest
from medusa.workspace import Workspace


def fit_stack(
    workspace: Workspace,
    members: Sequence[str | RunDir] = (),
    *,
    name: str = "stack",
    config: StackConfig | None = None,
    top: int | None = None,
    force: bool = False,
) -> RunDir:
    """Fit a stacker on finished runs, predict every utterance with it, and write a run.

    A run that exists already, finished and with the same configuration, is left as it is.

    Args:
        workspace: the folder with the manifest and the runs.
        members: names, paths or runs; without any, all finished heads of the workspace.
        name: the name of the new run.
        config: the method and its settings; by default, a linear map that is shrunk towards the
            soft vote.
        top: combine only this many of the members, those with the best scores on dev.
        force: replace a run of this name.

    Returns:
        The finished run. `run.predictions()` has its predictions, and
        `run.read_json("summary.json")` the scores of the ensemble, of its members and of the votes.

    Raises:
        MedusaError: the workspace has no manifest; a member is missing or not finished; the members
            do not fit together; a setting is invalid; or the folder holds another run.
    """
    manifest = Manifest.read(workspace.manifest)
    runs = chosen_members(workspace.runs, members, top)
    run = new_run(workspace.runs, name)
    if not stack(run, runs, manifest, config or StackConfig(), force):
        say(f"{name}: finished already, nothing to do (--force stacks again)")
    return run
