"""A finished head or ensemble on other utterances: every member is applied, then the stacker."""

from collections.abc import Sequence

import numpy as np
import torch

from medusa.ensemble.combiners import COMBINERS
from medusa.ensemble.members import Members
from medusa.errors import RunError
from medusa.heads.fitting import apply as heads
from medusa.heads.runs.run_dir import RunDir, find_run
from medusa.manifests import Manifest
from medusa.scoring import NOT_A_FOLD, Predictions
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

    A stack needs its members beside it, as they were when it was fitted; utterances that one of
    them cannot predict are left out.

    Raises:
        RunError, RunError: a member is missing, not finished, or another one by now.
        DataError: the workspace lacks features of a head.
    """
    if run.config().get("kind") != "stack":
        return heads.apply(run, manifest, workspace, text, device, drop_missing)
    runs = _members_of(run)
    predictions = [
        apply(member, manifest, workspace, text, device, drop_missing) for member in runs
    ]
    members = align([member.name for member in runs], predictions)
    config = run.config()
    logits, attributes = COMBINERS[config["method"]](run, config, members)
    return Predictions.of(
        members.ids, members.splits.tolist(), logits, attributes, members.classes, run.digest()
    )


def _members_of(run: RunDir) -> list[RunDir]:
    """Return the runs that a stack was fitted on, in its order."""
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


def align(names: Sequence[str], predictions: Sequence[Predictions]) -> Members:
    """Join the members' predictions by id, those that all of them predict, sorted as in a fit."""
    ids = sorted(set(predictions[0].ids).intersection(*(one.ids for one in predictions)))
    same = [one.select(ids) for one in predictions]
    attributes = [values for one in same if (values := one.attributes()) is not None]
    return Members(
        names=tuple(names),
        ids=ids,
        splits=same[0].frame["split"].to_numpy(str),
        folds=np.full(len(ids), NOT_A_FOLD),
        classes=same[0].classes,
        logits=np.stack([one.logits() for one in same]),
        posteriors=np.stack([one.posteriors() for one in same]),
        attributes=np.stack(attributes) if attributes else np.empty((0, len(ids), 3), np.float32),
    )
