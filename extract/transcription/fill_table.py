"""A table of transcripts is filled on one device, or by the workers of a Ray cluster.

The workers transcribe, and the command alone writes their transcripts to its table.
"""

import time
from collections.abc import Sequence
from typing import Any

from medusa.console import progress
from medusa.distributed.batch_tasks import WHY, BatchTasks
from medusa.extract.encoders import pick_device
from medusa.extract.inputs import Utterance
from medusa.extract.passes.plan import SharedPlan, corpus_batches
from medusa.extract.passes.run_pass import run_pass
from medusa.extract.passes.worker import Outcome
from medusa.extract.transcription.transcript_worker import TranscriptWorker

Batches = list[list[Utterance]]


class RayTranscriber:
    """An actor that keeps Whisper in memory.

    Args:
        worker: the model and the options, with a table in memory.
        total: the attribute of `SharedPlan`.
        threads: the number of CPUs of the actor.
    """

    def __init__(self, worker: TranscriptWorker, total: int, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.device, self.worker, self.total = pick_device("auto"), worker, total

    def ready(self) -> None:
        """Return when the actor has started."""

    def run(self, batches: Batches) -> tuple[dict[str, dict[str, Any]], Outcome]:
        """Transcribe some batches; return content -> row of the table, and the outcome."""
        self.worker.begin([one for batch in batches for one in batch])
        seconds = self.worker.options.batch_seconds
        run_pass([self.worker], self.device, seconds, plan=SharedPlan(batches, self.total))
        return self.worker.sink.table.rows, self.worker.outcome.sendable()


def fill_table(worker: TranscriptWorker) -> Outcome:
    """Add the transcripts that a table lacks, on one device or on a cluster.

    Args:
        worker: the model, the options, the utterances and the table.

    Raises:
        MedusaError: the errors of `on_workers` and of `run_pass`. The written transcripts are safe,
            and the same call goes on with the rest.
    """
    options = worker.options
    if options.on is None:
        run_pass([worker], pick_device(options.device), options.batch_seconds)
        return worker.outcome
    return _fill_on_ray(worker, options.on, options.workers)


def _fill_on_ray(worker: TranscriptWorker, address: str, count: int) -> Outcome:
    """Let workers of a cluster transcribe, and write the table every 30 seconds."""
    began, sink = time.monotonic(), worker.sink
    batches, costs, total = corpus_batches([worker], worker.options.batch_seconds)

    def lacking(task: Sequence[list[Utterance]]) -> Batches:
        missing = sink.missing()
        return [batch for batch in task if any(one.content in missing for one in batch)]

    chosen = {id(batch) for batch in lacking(batches)}
    todo = [pair for pair in zip(batches, costs, strict=True) if id(pair[0]) in chosen]
    if not todo:
        return worker.outcome
    tasks = BatchTasks[Utterance](lacking, lambda one: one.content)
    few, dear = [pair[0] for pair in todo], [pair[1] for pair in todo]
    parts, arguments = [Outcome()], (worker.in_memory(), total)
    with progress(worker.name, sum(map(len, few))) as advance:
        try:
            for rows, outcome in tasks.run(few, dear, address, count, RayTranscriber, arguments):
                sink.table.rows |= rows
                parts.append(outcome)
                advance(outcome.utterances)
                sink.batch_done()
        finally:
            sink.close()
    aside = [f"{one.label}: {WHY}" for one in tasks.aside]
    return Outcome.of_cluster(parts, count, time.monotonic() - began, aside)
