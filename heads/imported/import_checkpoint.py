"""A run is made of a checkpoint of the published code, so that it can be evaluated and stacked."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import file_digest
from pathlib import Path
from typing import Any

from medusa.device import choose_device
from medusa.errors import CheckpointError, ConfigError, nearest
from medusa.heads.config import load
from medusa.heads.fitting.fit import prepare
from medusa.heads.imported import published
from medusa.heads.imported.fit_imported import fit_imported, imported_head
from medusa.heads.runs.run_dir import RunDir, new_run
from medusa.heads.spec import HeadSpec
from medusa.workspace import Workspace

LIKE = ("medusa-published",)
BATCH = 16


def import_checkpoint(
    workspace: Workspace,
    path: str | Path,
    *,
    name: str | None = None,
    like: str = LIKE[0],
    features: Sequence[str] = (),
    batch: int = BATCH,
    text: str | None = None,
    drop_missing: bool = False,
    device: str = "auto",
    force: bool = False,
) -> RunDir:
    """Make a run of a state dict of the published code of MEDUSA, which predicts the workspace.

    That code pads utterances with zeros and masks nothing, so a prediction depends on the other
    utterances of its batch. Like there, batches are made in the order of the table, split by split.

    Args:
        workspace: with manifest, splits, and the features that the checkpoint reads.
        path: a file of `torch.save(model.state_dict())` or of safetensors.
        name: the name of the run; by default the name of the file.
        like: the code that wrote the file, one of `LIKE`.
        features: the features of the modalities, in the order of `legs`; see `medusa fit-head`.
        batch: the utterances in a batch; the published code has 16 or 32.
        text, drop_missing, force: fields of `HeadSpec`.
        device: where to compute, such as `cpu`.

    Returns:
        The finished run. One that exists with the same configuration is left as it is.

    Raises:
        CheckpointError: the file is no such state dict, or it needs other features or classes.
        MedusaError: the workspace lacks features, texts or splits.
    """
    if like not in LIKE:
        raise ConfigError(f"like {like!r}: expected one of {', '.join(LIKE)}{nearest(like, LIKE)}")
    if batch < 1:
        raise ConfigError(
            f"batch {batch}: expected at least 1 utterance; the published code has 16"
        )
    path, chosen = Path(path), choose_device(device)[0]
    try:
        weights = published.read_weights(path)
        config = load(like, published.settings_of(weights))
        spec = HeadSpec(name or path.stem, config, tuple(features), text, drop_missing, force=force)
        job = prepare(workspace, spec)
        published.check_widths(weights, job.examples.widths)
        head = imported_head(job, published.in_class_order(weights, job.examples.classes))
    except CheckpointError as problem:
        raise CheckpointError(f"{path}: {problem}") from problem
    job = replace(job, record=job.record | {"imported": _record(path, like, batch)})
    run = new_run(workspace.runs, spec.name)
    with run.locked():
        if run.start(job.record, force):
            fit_imported(head, job, batch, run, chosen)
    return run


def _record(path: Path, like: str, batch: int) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return {"file": path.name, "sha256": digest, "like": like, "batch": batch, "order": "table"}
