"""One head of a queue: it is prepared and trained, or its finished run is returned."""

from typing import Any

import torch

from medusa.console import progress, say
from medusa.errors import MedusaError
from medusa.heads.fitting.fit import fit, prepare
from medusa.heads.fitting.fitters import progress_of
from medusa.heads.fitting.head_size import size_warning
from medusa.heads.runs.run_dir import RunDir, finished_run, identity, new_run
from medusa.heads.spec import HeadResult, HeadSpec
from medusa.workspace import Workspace


def attempt(workspace: Workspace, spec: HeadSpec, device: torch.device) -> HeadResult:
    """Train one head; a problem that is the user's to mend becomes part of the result."""
    try:
        return train_one(workspace, spec, device)
    except MedusaError as problem:
        return HeadResult(spec, problem=str(problem))


def train_one(workspace: Workspace, spec: HeadSpec, device: torch.device) -> HeadResult:
    """Train one head, unless its run is finished.

    Raises:
        MedusaError: whatever keeps it from being trained.
    """
    job = prepare(workspace, spec)
    run = _run_of(workspace, spec, job.record)
    with run.locked():
        if fresh := run.start(job.record, spec.force):
            backbones = " + ".join(dict.fromkeys(one.store.spec.backbone for one in job.chosen))
            rows = len(job.examples.rows("train"))
            say(f"{run.name}: {backbones}, {rows} training utterances, on {device}")
            if warning := size_warning(job):
                say(f"{run.name}: {warning}")
            with progress(run.name, *progress_of(spec.config)) as advance:
                fit(job, run, device, advance)
    if not fresh:
        say(f"{run.name}: finished already, nothing to do (--force trains again)")
    return HeadResult(spec, run.name, fresh=fresh, notes=tuple(job.notes))


def _run_of(workspace: Workspace, spec: HeadSpec, record: dict[str, Any]) -> RunDir:
    """Return the spec's run, or a finished run of the same content under another name."""
    if not spec.named_by_content:
        return new_run(workspace.runs, spec.name)
    found = finished_run(workspace.runs, record)
    return found or new_run(workspace.runs, f"{spec.name}.{identity(record)}")
