"""Utterances in batches through a model: fetched ahead in threads, bad ones set aside."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from medusa.errors import MedusaError
from medusa.extract.encoders.memory import Fitting
from medusa.extract.inputs.batches import Utterance
from medusa.extract.inputs.segments import Wave, check_content, read_segment
from medusa.extract.passes.cpu_concurrency import shares
from medusa.extract.passes.prefetch import ahead

Result = TypeVar("Result")
Fetched = TypeVar("Fetched")


def stream(
    plan: Iterable[Sequence[Utterance]],
    prepare: Callable[[Any], Any],
    encode: Callable[[Sequence[Any]], Sequence[Result]],
    rate_hz: int,
    late: bool = False,
    at_once: int = 1,
    attach: Callable[[Utterance, Any], Any] = lambda utterance, item: item,
) -> Iterator[list[tuple[Utterance, Result | MedusaError]]]:
    """Yield, batch by batch, every utterance with its result or with what was wrong with it.

    Args:
        plan: the batches.
        prepare: samples (S,) or a text to an item; runs in threads.
        encode: items to as many results; runs here, or in threads.
        rate_hz: of the samples.
        late: yield a batch after the next one has begun: a GPU works while this one is stored.
        at_once: so many batches are encoded at the same time, by a share of the CPU's threads each.
        attach: adds to an item what else is known of its utterance.
    """

    def fetch(batch: Sequence[Utterance]) -> list[tuple[Utterance, Any]]:
        return [(one, _tried(one, prepare, attach, rate_hz)) for one in batch]

    fitting = Fitting(encode)

    def answer(
        pairs: Sequence[tuple[Utterance, Any]],
    ) -> list[tuple[Utterance, Result | MedusaError]]:
        good = [(one, item) for one, item in pairs if not isinstance(item, MedusaError)]
        bad = [(one, item) for one, item in pairs if isinstance(item, MedusaError)]
        return [*bad, *(fitting(good) if good else ())]

    workers = min(8, os.cpu_count() or 1)
    before: list[tuple[Utterance, Result | MedusaError]] = []
    for now in _answers(answer, ahead(fetch, plan, workers, 2 * workers), at_once):
        if late:
            now, before = before, now
        if now:
            yield now
    if before:
        yield before


def _answers(
    answer: Callable[[Fetched], Result], batches: Iterable[Fetched], at_once: int
) -> Iterator[Result]:
    if at_once == 1:
        yield from map(answer, batches)
        return
    with shares(at_once) as begin:
        yield from ahead(answer, batches, at_once, at_once + 1, begin)


def sentence(utterance: Utterance, problem: MedusaError) -> str:
    """Say which utterance it was, with its file unless the problem names it."""
    named = isinstance(utterance.source, str) or str(utterance.source.path) in str(problem)
    return f"{utterance.id if named else utterance.place}: {problem}"


def _tried(
    utterance: Utterance,
    prepare: Callable[[Any], Any],
    attach: Callable[[Utterance, Any], Any],
    rate_hz: int,
) -> Any:
    try:
        return attach(utterance, prepare(fetched(utterance, rate_hz)))
    except MedusaError as problem:
        return problem


def fetched(utterance: Utterance, rate_hz: int) -> Wave | str:
    """Return an utterance's samples, or its text.

    Raises:
        MedusaError: the file cannot be read, or is not the one that was imported.
    """
    if isinstance(utterance.source, str):
        return utterance.source
    wave = read_segment(utterance.source, rate_hz)
    check_content(utterance.source, utterance.content)
    return wave
