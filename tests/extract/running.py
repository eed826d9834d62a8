"""Extraction as tests call it: with plain arguments, one job or several."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medusa.extract import planning
from medusa.extract.extraction_options import ExtractionOptions
from medusa.extract.passes.run_pass import fill_stores
from medusa.extract.passes.worker import Outcome
from medusa.extract.planning import ExtractionJob
from medusa.tests.command_line import invoke
from medusa.workspace import Workspace


def plan_jobs(
    workspace: Workspace,
    names: Sequence[str],
    checkpoint: str | None = None,
    precision: str = "fp32",
    **choices: Any,
) -> list[ExtractionJob]:
    """Plan jobs in one precision."""
    options = ExtractionOptions(checkpoint=checkpoint, **choices)
    return planning.plan_jobs(workspace, names, options, precision)


def extract(
    job: ExtractionJob,
    device: str,
    batch_seconds: float | None = None,
    non_finite: str = "refuse",
) -> Outcome:
    """Fill one store."""
    (outcome,) = fill_stores([job], device, batch_seconds, non_finite)
    return outcome


def extract_together(
    jobs: Sequence[ExtractionJob], device: str, batch_seconds: float | None = None
) -> list[Outcome]:
    """Fill several stores in one pass."""
    return fill_stores(jobs, device, batch_seconds)


def assert_refused(root: Path, words: Sequence[str], kind: type[Exception], message: str) -> None:
    """Assert that `medusa extract` of log-mel frames ends with an error that has this message."""
    result = invoke(root, "extract", "--backbone=logmel", *words)
    assert isinstance(result.exception, kind)
    assert message in str(result.exception)
