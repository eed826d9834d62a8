"""Predict other utterances with a finished head or stack."""

import torch

from medusa.ensemble.stored_stack import StoredStack
from medusa.errors import RunError
from medusa.heads.fitting import apply as heads
from medusa.heads.runs.run_dir import RunDir, find_run
from medusa.manifests import Manifest
from medusa.scoring import Predictions
from medusa.workspace import Workspace


def apply(
    run: RunDir,
    manifest: Manifest,
    workspace: Workspace,
    text: str | None = None,
    device: torch.device = heads.CPU,
    drop_missing: bool = False,
) -> Predictions:
    """Predict utterances with a finished run of any kind; for the arguments see `heads.apply`.

    The members of a stack must be in the folder of its runs, as they were when it was fitted.
    Utterances that a member cannot predict are left out.

    Raises:
        RunError: a member is missing, is not finished, or has been replaced.
        DataError: the workspace lacks features of a head.
    """
    if run.config().get("kind") != "stack":
        return heads.apply(run, manifest, workspace, text, device, drop_missing)
    predictions = {
        member.name: apply(member, manifest, workspace, text, device, drop_missing)
        for member in members_of(run)
    }
    return StoredStack.read(run).predict(predictions)


def members_of(run: RunDir) -> list[RunDir]:
    """Return the runs on which a stack was fitted, in its order.

    Raises:
        RunError: one of them is missing, or has been replaced.
    """
    wanted = run.config()["members"]
    found = [find_run(run.path.parent, one["name"]) for one in wanted]
    changed = [
        f"{here.name} is {here.digest()}, was {one['digest']}"
        for here, one in zip(found, wanted, strict=True)
        if here.digest() != one["digest"]
    ]
    if changed:
        raise RunError(
            f"{run.name}: members have been replaced since it was fitted: {'; '.join(changed)}; "
            "run `medusa stack` again"
        )
    return found
