"""Several speech encoders from one pass over the audio: decoded and resampled once for all."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from medusa.cache import StoreWriter
from medusa.console import Advance, progress, say
from medusa.errors import MedusaError
from medusa.extract.encoders.encoder import Encoded
from medusa.extract.encoders.memory import out_of_memory
from medusa.extract.encoders.offload import Encode, to_host
from medusa.extract.encoders.precision import lowered
from medusa.extract.encoders.variants import pool_of
from medusa.extract.inputs.batches import Utterance
from medusa.extract.passes import calibration as calibrate
from medusa.extract.passes.cpu_concurrency import divided
from medusa.extract.passes.single_pass import Outcome, extract, note, provenance, store
from medusa.extract.passes.stream import sentence, stream
from medusa.extract.planning.estimate import check_room
from medusa.extract.planning.jobs import Job


@dataclass(frozen=True)
class Listener:
    """One encoder among several, with its store and what it has done.

    `there` leaves the features on the device, `encode` brings them to the host; `most_s` are the
    padded seconds it takes at once.
    """

    job: Job
    writer: StoreWriter
    outcome: Outcome
    prepare: Any
    there: Encode
    encode: Encode
    most_s: float = 0.0

    def heard(self, wave: Any) -> Any:
        """Return the encoder's item, or what is wrong with the utterance for this encoder."""
        try:
            return self.prepare(wave)
        except MedusaError as problem:
            return problem

    def said(self, items: Sequence[Any]) -> list[Encoded | MedusaError]:
        """Encode the good ones of these items, in their order.

        An encoder that pads everything takes fewer at a time.
        """
        good = [item for item in items if not isinstance(item, MedusaError)]
        least_s = self.job.backbone.least_s
        most = max(1, int(self.most_s / least_s) if least_s else len(good))
        parts = [good[start : start + most] for start in range(0, len(good), most)]
        found = iter([one for part in parts for one in self.encode(part)])
        return [item if isinstance(item, MedusaError) else next(found) for item in items]


def passes(jobs: Sequence[Job]) -> list[list[Job]]:
    """Group the jobs whose encoders hear the same samples; those of text are alone."""
    groups: dict[object, list[Job]] = {}
    for job in jobs:
        groups.setdefault(job.backbone.rate_hz or job.store, []).append(job)
    return list(groups.values())


def extract_together(
    jobs: Sequence[Job],
    device: str,
    budget_s: float | None,
    non_finite: str = "refuse",
    line: Any = progress,
) -> list[Outcome]:
    """Fill the stores of several encoders, for what each of them lacks.

    Args:
        jobs: one group of `passes`, of the same utterances.
        device, budget_s, non_finite, line: as `extract` takes them.

    Returns:
        One outcome each; the elapsed time is that of all. Where the device cannot hold all
        encoders at once, they run one after the other.

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
        wanted = {one.content: one for job in jobs for one in job.utterances}
        lacks = [set(writer.missing(wanted)) for writer in writers]
        groups: dict[tuple[bool, ...], list[Utterance]] = {}
        for content, one in wanted.items():
            groups.setdefault(tuple(content in lack for lack in lacks), []).append(one)
        groups.pop((False,) * len(jobs), None)
        if not groups:
            return outcomes
        check_room(
            *((job, [wanted[key] for key in lack]) for job, lack in zip(jobs, lacks, strict=True))
        )
        needed = [any(group[number] for group in groups) for number in range(len(jobs))]
        listeners = _load(jobs, writers, outcomes, needed, device)
        if listeners is not None:
            listeners = [
                one and replace(one, most_s=budget_s or _measured(one, groups, device))
                for one in listeners
            ]
            _all(listeners, groups, len(wanted), device, line)
    if listeners is not None:
        for outcome in outcomes:
            outcome.clock()
        return outcomes
    say("the encoders do not fit into memory together; they run one after the other")
    return [extract(job, device, budget_s, non_finite, line) for job in jobs]


def _load(
    jobs: Sequence[Job],
    writers: Sequence[StoreWriter],
    outcomes: Sequence[Outcome],
    needed: Sequence[bool],
    device: str,
) -> list[Listener | None] | None:
    """Load the encoders that are needed; None where memory runs out."""
    made: list[Listener | None] = []
    try:
        for job, writer, outcome, need in zip(jobs, writers, outcomes, needed, strict=True):
            if not need:
                made.append(None)
                continue
            encoder = job.load(device)
            there = lowered(encoder.encode, job.backbone, device)
            pool = pool_of(job.backbone)
            here = to_host(there, job.spec.reduce, device, outcome.busy, pool)
            made.append(Listener(job, writer, outcome, encoder.prepare, there, here))
    except (RuntimeError, MedusaError) as problem:
        # a loader may have wrapped it
        if not any(out_of_memory(one) for one in (problem, problem.__cause__)):
            raise
        return None
    return made


def _measured(
    listener: Listener, groups: dict[tuple[bool, ...], list[Utterance]], device: str
) -> float:
    """Return the padded seconds that an encoder can take, all being loaded."""
    todo = [one for group in groups.values() for one in group]
    backbone = listener.job.backbone
    return calibrate.budget_s(
        *(todo, listener.prepare, listener.there, backbone.rate_hz or 0, device),
        least_s=backbone.least_s,
    )


def _all(
    listeners: Sequence[Listener | None],
    groups: dict[tuple[bool, ...], list[Utterance]],
    total: int,
    device: str,
    line: Any,
) -> None:
    """Go through the audio: utterances that lack the same stores together."""
    names = "+".join(one.job.backbone.name for one in listeners if one is not None)
    done = total - sum(len(group) for group in groups.values())
    for one in listeners:
        if one is not None:
            one.outcome.clock()
    with line(names, total, done=done) as advance:
        for lacking, todo in groups.items():
            of = [one for one, lack in zip(listeners, lacking, strict=True) if lack and one]
            _group(of, todo, device, advance)


def _group(
    listeners: Sequence[Listener],
    todo: Sequence[Utterance],
    device: str,
    advance: Advance,
) -> None:
    by_content = {one.content: one for one in todo}

    def encode(items: Sequence[Sequence[Any]]) -> list[list[Encoded | MedusaError]]:
        said = [one.said([item[number] for item in items]) for number, one in enumerate(listeners)]
        return [list(column) for column in zip(*said, strict=True)]

    def prepare(wave: Any) -> list[Any]:
        return [one.heard(wave) for one in listeners]

    rate_hz = listeners[0].job.backbone.rate_hz or 0
    jobs = [one.job for one in listeners]
    budget_s = min(one.most_s for one in listeners)  # the hungriest encoder's
    least_s = min(one.backbone.least_s for one in jobs)
    plan, several = divided(jobs, device, list(by_content.values()), budget_s, least_s)
    for one in listeners:
        one.outcome.busy.at_once = several
    for answers in stream(plan, prepare, encode, rate_hz, device.startswith("cuda"), several):
        for utterance, result in answers:
            _keep(listeners, utterance, result)
        for one in listeners:
            one.outcome.clock()
        advance(len(answers), note(*(one.outcome for one in listeners)))


def _keep(
    listeners: Sequence[Listener],
    utterance: Utterance,
    result: "list[Encoded | MedusaError] | MedusaError",
) -> None:
    for number, one in enumerate(listeners):
        encoded = result if isinstance(result, MedusaError) else result[number]
        problem = store(one.writer, utterance, encoded, one.outcome)
        if problem is result:  # the file's own fault: the same sentence for every encoder
            one.outcome.problems.append(sentence(utterance, problem))
        elif problem:
            one.outcome.problems.append(f"{one.job.backbone.name}: {sentence(utterance, problem)}")
