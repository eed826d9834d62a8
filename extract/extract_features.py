"""The function behind `medusa extract` turns audio and text into features of frozen encoders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medusa.console import say
from medusa.distributed.pieces import Share
from medusa.extract.encoders import pick_device, pick_precision
from medusa.extract.extraction_options import ExtractionOptions
from medusa.extract.passes.run_pass import fill_stores
from medusa.extract.passes.worker import Outcome, raise_failures
from medusa.extract.planning import ExtractionJob, plan_jobs
from medusa.extract.planning.short_clips import note_long_windows
from medusa.strict import parts_of
from medusa.workspace import Workspace, remove


@dataclass(frozen=True)
class ExtractionResult:
    """One feature store and the amount that was added to it.

    Attributes:
        job: the backbone, the identity of the features, the store and its utterances.
        outcome: the amount that was added, and the utterances that failed.
        transcripts: with `transcribe`, the amount that was added to the table.
        table: with `transcribe`, the table of transcripts.
    """

    job: ExtractionJob
    outcome: Outcome
    transcripts: Outcome | None = None
    table: Path | None = None

    @property
    def problems(self) -> list[str]:
        """One sentence for every utterance that has no features or no transcript."""
        return [*self.outcome.problems, *(self.transcripts.problems if self.transcripts else ())]


def extract_features(
    workspace: Workspace,
    backbones: Sequence[str],
    options: ExtractionOptions | None = None,
    *,
    allow_failures: bool = False,
) -> list[ExtractionResult]:
    """Compute the features of frozen backbones for every utterance that lacks them.

    Backbones that read the same samples share one pass over the audio. Stored features are not
    computed again: an interrupted extraction continues where it stopped.

    Args:
        workspace: a workspace with a manifest.
        backbones: names such as `wavlm` or `roberta`, or `auto` with a checkpoint.
        options: the choice of the features and of their computation.
        allow_failures: return even if some utterances have no features; `problems` names them.

    Returns:
        One result for each backbone, in their order.

    Raises:
        MedusaError: any mistake that can be found before the work begins; or (after all others
            were stored) some utterances have no features.
    """
    options = options or ExtractionOptions()
    devices = [pick_device(name) for name in parts_of(options.device)]
    options.check(backbones, devices)
    precision = pick_precision(options.precision, devices[0])
    jobs = plan_jobs(workspace, backbones, options, precision)
    note_long_windows(jobs)
    if options.transcribe:
        from medusa.extract.features_and_transcripts import fill_stores_and_tables

        results = [
            ExtractionResult(one.job, one.outcome, one.sink.outcome, one.sink.table.path)
            for one in fill_stores_and_tables(jobs, workspace, options, devices[0])
        ]
    else:
        results = _features(jobs, options, devices)
    for result in results:
        job = result.job
        different = len({one.content for one in job.utterances})
        if different < len(job.utterances):
            kind = "texts" if job.spec.input == "text" else "recordings"
            say(f"{job.store.name}: {len(job.utterances)} utterances, {different} different {kind}")
        if not result.outcome.elapsed_s and options.shard is not None:
            say(f"{job.store}: share {options.shard} is complete; there is nothing to do")
        elif job.utterances and not result.outcome.elapsed_s:
            has = f"it has all {len(job.utterances)} utterances of {job.backbone.name}"
            say(f"{job.store}: {has}; there is nothing to do")
    if not allow_failures:
        raise_failures("features", [problem for result in results for problem in result.problems])
    return results


def _features(
    jobs: Sequence[ExtractionJob], options: ExtractionOptions, devices: Sequence[str]
) -> list[ExtractionResult]:
    """Fill the stores; encoders of the same samples share one pass, and text encoders run alone."""
    outcomes: dict[Path, Outcome] = {}
    for group in passes_of(jobs):
        for job in group if options.force else ():
            remove(job.store)
        filled = _fill(group, options, devices)
        outcomes |= {job.store: outcome for job, outcome in zip(group, filled, strict=True)}
    return [ExtractionResult(job, outcomes[job.store]) for job in jobs]


def _fill(
    jobs: Sequence[ExtractionJob], options: ExtractionOptions, devices: Sequence[str]
) -> list[Outcome]:
    """Fill the stores of one pass, on one device or in one process for each device."""
    if options.on is not None:
        from medusa.extract.passes.ray_extraction import fill_on_ray

        chosen = (options.on, options.workers, options.batch_seconds, options.non_finite)
        return fill_on_ray(jobs, *chosen)
    if len(devices) == 1:
        share = None if options.shard is None else Share.parse(options.shard)
        return fill_stores(jobs, devices[0], options.batch_seconds, options.non_finite, share)
    from medusa.extract.passes.processes import fill_in_processes

    return fill_in_processes(jobs, devices, options.batch_seconds, options.non_finite)


def passes_of(jobs: Sequence[ExtractionJob]) -> list[list[ExtractionJob]]:
    """Group the jobs whose encoders read the same samples; each text encoder is a group."""
    groups: dict[object, list[ExtractionJob]] = {}
    for job in jobs:
        contents = tuple(one.content for one in job.utterances)
        groups.setdefault((job.backbone.rate_hz or job.store, contents), []).append(job)
    return list(groups.values())
