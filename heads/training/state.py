"""The position of a training, and how an interrupted training is saved and resumed."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from medusa.atomic import write_text
from medusa.errors import RunError
from medusa.foreign import foreign
from medusa.heads.runs.run_dir import METRICS, RunDir
from medusa.heads.training.checkpoint import ANEW, CHECKPOINT, load_training, save_training
from medusa.heads.training.fitter import FitState


@dataclass
class TrainingState(FitState):
    """The position of a training. With the weights, it suffices to resume the training."""

    stage: int = 0
    epoch: int = 0  # The epoch's number in this stage.
    step: int = 0  # The step's number in this epoch.
    stage_best: float = -1.0
    since_best: int = 0  # The epochs since the best score.
    lines: int = 0  # The number of lines in metrics.jsonl.
    micro: int = 0  # The utterances on the device at a time after memory ran out, else 0.
    cost: dict[str, float] = field(default_factory=dict)  # The seconds that the meter counted.
    sums: dict[str, Any] = field(default_factory=dict)  # The losses of this epoch so far.

    @property
    def epochs_before(self) -> int:
        """Return the number of epochs that earlier stages logged."""
        return self.lines - self.epoch

    def save(
        self,
        run: RunDir,
        head: nn.Module,
        optimiser: torch.optim.Optimizer,
        average: nn.Module | None,
        identity: str = "",
    ) -> None:
        """Write the run's checkpoint; `identity` is the digest of the run."""
        self.sums = {name: float(value) for name, value in self.sums.items()}
        facts = dataclasses.asdict(self)
        save_training(run.path / CHECKPOINT, head, optimiser, facts, average, identity)

    @classmethod
    def resume(
        cls,
        run: RunDir,
        head: nn.Module,
        optimiser: torch.optim.Optimizer,
        average: nn.Module | None,
        identity: str = "",
    ) -> "TrainingState":
        """Restore the weights from the run's checkpoint and return its state, or a new state.

        Epochs that were logged after the checkpoint are removed, because they are run again.
        """
        path, state = run.path / CHECKPOINT, cls()
        if path.exists():
            with foreign(RunError, lambda reason: f"{path}: damaged ({reason}); {ANEW}"):
                state = cls(**load_training(path, head, optimiser, average, identity))
        metrics = run.path / METRICS
        if metrics.exists():
            lines = metrics.read_text(encoding="utf-8").splitlines(keepends=True)
            write_text(metrics, "".join(lines[: state.lines]), durable=False)
        return state
