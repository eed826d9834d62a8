"""Feature stores are filled by one pass, on one device or on several."""

from collections.abc import Sequence

from medusa.extract.passes.feature_worker import FeatureWorker
from medusa.extract.passes.outcome import Outcome
from medusa.extract.passes.run_pass import run_pass
from medusa.extract.planning import ExtractionJob


def fill_stores(
    jobs: Sequence[ExtractionJob],
    devices: Sequence[str],
    batch_seconds: float | None = None,
    non_finite: str = "refuse",
) -> list[Outcome]:
    """Fill the stores of encoders that read the same samples, on one device or on several.

    Args:
        jobs: the backbones, with their stores and utterances.
        devices: if there are several, each gets a process; `cpu` may come twice.
        batch_seconds: as `run_pass` takes it.
        non_finite: as `FeatureWorker` takes it.

    Returns:
        One outcome for each job.

    Raises:
        MedusaError: as `run_pass` does, or a process was killed. The committed features are safe,
            and the same call goes on with the rest.
    """
    if len(devices) > 1:
        from medusa.extract.passes.processes import fill_in_processes

        return fill_in_processes(jobs, devices, batch_seconds, non_finite)
    workers = [FeatureWorker(job, devices[0], non_finite) for job in jobs]
    run_pass(workers, devices[0], batch_seconds)
    return [worker.outcome for worker in workers]
