"""The trackers: each hands the record of one run to a library's own client."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medusa.workspace import remove

if TYPE_CHECKING:
    from medusa.heads.tracking.run_record import RunRecord


@dataclass(frozen=True)
class Tracker:
    """One tracker.

    Attributes:
        module: the module that its extra installs; the extra has the name of the tracker.
        write: writes one run into a folder. A run that is there already is replaced, or kept.
    """

    module: str
    write: "Callable[[RunRecord, Path], None]"


def write_tensorboard(record: "RunRecord", folder: Path) -> None:
    """Write the events of a run into `folder/NAME`."""
    from torch.utils import tensorboard

    remove(folder / record.name)
    writer: Any = tensorboard.SummaryWriter  # Its functions have no types.
    with writer(str(folder / record.name)) as events:
        for step, values in enumerate(record.epochs, 1):
            for name, value in values.items():
                events.add_scalar(f"epochs/{name}", value, step)
        for name, value in record.results.items():
            events.add_scalar(f"results/{name}", value, 0)
        rows = [f"| {name} | {value} |" for name, value in record.settings.items()]
        events.add_text("settings", "\n".join(["| setting | value |", "|---|---|", *rows]))


def write_mlflow(record: "RunRecord", folder: Path) -> None:
    """Write a run into `folder/mlflow.db`, or to the server of MLFLOW_TRACKING_URI."""
    import mlflow

    local = f"sqlite:///{folder.resolve() / 'mlflow.db'}"
    client: Any = mlflow.MlflowClient(os.environ.get("MLFLOW_TRACKING_URI", local))
    known = client.get_experiment_by_name("medusa")
    experiment = known.experiment_id if known else client.create_experiment("medusa")
    same = f"tags.digest = '{record.digest}' and attributes.status = 'FINISHED'"
    if client.search_runs([experiment], same):
        return
    tags = {"digest": record.digest}
    number = client.create_run(experiment, run_name=record.name, tags=tags).info.run_id
    for name, value in record.settings.items():
        client.log_param(number, name, value)
    for step, values in enumerate(record.epochs, 1):
        for name, one in values.items():
            client.log_metric(number, f"epochs/{name}", one, step=step)
    for name, one in record.results.items():
        client.log_metric(number, f"results/{name}", one)
    client.set_terminated(number)


def write_wandb(record: "RunRecord", folder: Path) -> None:
    """Write a run into `folder/wandb`; WANDB_MODE=online sends it to the service."""
    import wandb

    client: Any = wandb
    mode = os.environ.get("WANDB_MODE", "offline")
    choices = {"project": "medusa", "name": record.name, "id": record.digest, "resume": "allow"}
    with client.init(dir=str(folder), mode=mode, config=record.settings, **choices) as session:
        for step, values in enumerate(record.epochs, 1):
            session.log({f"epochs/{name}": one for name, one in values.items()}, step=step)
        session.summary.update(record.results)


TRACKERS = {
    "tensorboard": Tracker("tensorboard", write_tensorboard),
    "mlflow": Tracker("mlflow", write_mlflow),
    "wandb": Tracker("wandb", write_wandb),
}
