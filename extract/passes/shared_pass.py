"""Several speech encoders from one pass over the audio: it is decoded and resampled once."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from medusa.cache import StoreWriter
from medusa.console import Advance, progress, say
from medusa.errors import MedusaError
from medusa.extract.inputs import Utterance
from medusa.extract.passes.active_encoder import ActiveEncoder, Result, load_encoders
from medusa.extract.passes.cpu_concurrency import plan_concurrent_batches
from medusa.extract.passes.single_pass import Outcome, extract, note, provenance, store
from medusa.extract.passes.stream import sentence, stream
from medusa.extract.planning import ExtractionJob, check_room

Groups = dict[tuple[bool, ...], list[Utterance]]
"""Which of the stores lack an utterance -> the utterances."""


def passes(jobs: Sequence[ExtractionJob]) -> list[list[ExtractionJob]]:
    """Group the jobs whose encoders read the same samples; each text encoder is alone."""
    groups: dict[object, list[ExtractionJob]] = {}
    for job in jobs:
        groups.setdefault(job.backbone.rate_hz or job.store, []).append(job)
    return list(groups.values())


def extract_together(
    jobs: Sequence[ExtractionJob],
    device: str,
    batch_seconds: float | None,
    non_finite: str = "refuse",
    line: Any = progress,
) -> list[Outcome]:
    """Fill the stores of several encoders with the features that each of them lacks.

    Args:
        jobs: one group of `passes`, of the same utterances.
        device, batch_seconds, non_finite, line: as `extract` takes them.

    Returns:
        One outcome for each job; the elapsed time is that of all. Where the device cannot hold all
        encoders at the same time, they run one after the other.

    Raises:
        MedusaError: as `extract` does.
    """
    outcomes = [Outcome() for _ in jobs]
    with ExitStack() as open_stores:
        writers = [
            open_stores.enter_context(
                StoreWriter(
                    job.store, job.spec, provenance(device, job.backbone.source), non_finite
                )
            )
            for job in jobs
        ]
        groups, total = _lacking(jobs, writers)
        if not groups:
            return outcomes
        needed = [any(group[number] for group in groups) for number in range(len(jobs))]
        encoders = load_encoders(jobs, writers, outcomes, needed, device)
        if encoders is not None:
            todo = [one for group in groups.values() for one in group]
            encoders = [one and _sized(one, batch_seconds, todo, device) for one in encoders]
            _encode_groups(encoders, groups, total, device, line)
    if encoders is not None:
        for outcome in outcomes:
            outcome.clock()
        return outcomes
    say("the encoders do not fit into memory together; they run one after the other")
    return [extract(job, device, batch_seconds, non_finite, line) for job in jobs]


def _lacking(jobs: Sequence[ExtractionJob], writers: Sequence[StoreWriter]) -> tuple[Groups, int]:
    """Return the utterances by the stores that lack them, and how many there are in all.

    Raises:
        MedusaError: the disk cannot hold their features.
    """
    wanted = {one.content: one for job in jobs for one in job.utterances}
    lacks = [set(writer.missing(wanted)) for writer in writers]
    groups: Groups = {}
    for content, one in wanted.items():
        groups.setdefault(tuple(content in lack for lack in lacks), []).append(one)
    groups.pop((False,) * len(jobs), None)
    if groups:
        check_room(
            *((job, [wanted[key] for key in lack]) for job, lack in zip(jobs, lacks, strict=True))
        )
    return groups, len(wanted)


def _sized(
    encoder: ActiveEncoder, batch_seconds: float | None, todo: Sequence[Utterance], device: str
) -> ActiveEncoder:
    if batch_seconds:
        return replace(encoder, batch_seconds=batch_seconds)
    return encoder.measured(todo, device)


def _encode_groups(
    encoders: Sequence[ActiveEncoder | None], groups: Groups, total: int, device: str, line: Any
) -> None:
    """Go through the audio: utterances that the same stores lack are encoded together."""
    active = [one for one in encoders if one is not None]
    names = "+".join(one.job.backbone.name for one in active)
    done = total - sum(len(group) for group in groups.values())
    for one in active:
        one.outcome.clock()
    with line(names, total, done=done) as advance:
        for lacking, todo in groups.items():
            chosen = [one for one, lack in zip(encoders, lacking, strict=True) if lack and one]
            _encode_group(chosen, todo, device, advance)


def _encode_group(
    encoders: Sequence[ActiveEncoder], todo: Sequence[Utterance], device: str, advance: Advance
) -> None:
    by_content = {one.content: one for one in todo}

    def encode(items: Sequence[Sequence[Any]]) -> list[list[Result]]:
        columns = [
            one.encode_batch([item[number] for item in items])
            for number, one in enumerate(encoders)
        ]
        return [list(results) for results in zip(*columns, strict=True)]

    def prepare(wave: Any) -> list[Any]:
        return [one.prepare(wave) for one in encoders]

    rate_hz = encoders[0].job.backbone.rate_hz or 0
    jobs = [one.job for one in encoders]
    batch_seconds = min(one.batch_seconds for one in encoders)  # the hungriest encoder decides
    least_s = min(job.backbone.least_s for job in jobs)
    utterances = list(by_content.values())
    plan, concurrent = plan_concurrent_batches(jobs, device, utterances, batch_seconds, least_s)
    for one in encoders:
        one.outcome.timer.concurrent = concurrent
    for batch in stream(plan, prepare, encode, rate_hz, device.startswith("cuda"), concurrent):
        for utterance, results in batch:
            _keep(encoders, utterance, results)
        for one in encoders:
            one.outcome.clock()
        advance(len(batch), note(*(one.outcome for one in encoders)))


def _keep(
    encoders: Sequence[ActiveEncoder],
    utterance: Utterance,
    results: "list[Result] | MedusaError",
) -> None:
    for number, one in enumerate(encoders):
        encoded = results if isinstance(results, MedusaError) else results[number]
        problem = store(one.writer, utterance, encoded, one.outcome)
        if problem is results:  # the file's own fault: the same sentence for every encoder
            one.outcome.problems.append(sentence(utterance, problem))
        elif problem:
            one.outcome.problems.append(f"{one.job.backbone.name}: {sentence(utterance, problem)}")
