"""Feature stores are filled on one device, wholly or with the share of one process."""

from collections.abc import Sequence

from medusa.distributed.pieces import Pieces
from medusa.extract.passes.feature_worker import FeatureWorker
from medusa.extract.passes.plan import shared_plan
from medusa.extract.passes.run_pass import run_pass
from medusa.extract.passes.worker import Outcome
from medusa.extract.planning import ExtractionJob


def fill_stores(
    jobs: Sequence[ExtractionJob],
    device: str,
    batch_seconds: float | None = None,
    non_finite: str = "refuse",
    pieces: Pieces | None = None,
) -> list[Outcome]:
    """Fill the stores of encoders that read the same samples, on one device.

    Args:
        jobs: the backbones, with their stores and utterances.
        device, batch_seconds: the arguments of `run_pass`.
        non_finite: the argument of `FeatureWorker`.
        pieces: the batches of this process, if several processes share the corpus.

    Returns:
        One outcome for each job.

    Raises:
        MedusaError: the errors of `run_pass`. The committed features are safe, and the same call
            goes on with the rest.
    """
    workers = [FeatureWorker(job, device, non_finite) for job in jobs]
    plan = None if pieces is None else shared_plan(workers, pieces, batch_seconds)
    run_pass(workers, device, batch_seconds, plan=plan)
    return [worker.outcome for worker in workers]
