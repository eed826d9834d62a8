"""One safetensors file has all that an interrupted training needs to resume: weights and state."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from medusa.atomic import write_text
from medusa.errors import RunError
from medusa.foreign import foreign
from medusa.heads.runs.run_dir import METRICS, RunDir
from medusa.heads.training.fitter import FitState
from medusa.heads.training.weights_file import write_weights
from medusa.seal import OPEN, read_sealed

ANEW = "make the run again with --force"
CHECKPOINT, BEST = "checkpoint.safetensors", "best.safetensors"  # Both are files of a run.


def save_weights(path: Path, module: nn.Module, run: str = "") -> None:
    """Write a module's parameters and buffers; `run` is the digest of the run they belong to."""
    _save(path, _prefixed("", module.state_dict()), {}, run)


def load_weights(path: Path, module: nn.Module, run: str = "") -> None:
    """Read the weights that `save_weights` wrote into a module of the same shape.

    Raises:
        RunError: the weights are damaged or those of another run, or a name or shape differs. The
            message gives the first difference.
    """
    tensors, _ = _load(path, run)
    require_shapes(path, {name: tuple(one.shape) for name, one in tensors.items()}, module)
    module.load_state_dict(tensors)


def stored_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of a file of weights."""
    return {name: tuple(tensor.shape) for name, tensor in _load(path, "")[0].items()}


def require_shapes(path: Path, stored: dict[str, tuple[int, ...]], module: nn.Module) -> None:
    """Raise if a module has other arrays than a file of weights, or arrays of other shapes.

    Raises:
        RunError: a name or shape differs. The message gives the first difference.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    for name in sorted({*stored, *expected}):
        found, wanted = stored.get(name, "nothing"), expected.get(name, "nothing")
        if found != wanted:
            raise RunError(f"{path}: {name} is {found}, the network expects {wanted}")


def save_training(
    path: Path,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    facts: dict[str, Any],
    average: nn.Module | None = None,
    run: str = "",
) -> None:
    """Write the network, its running average, the optimiser's moments and the position."""
    tensors = _prefixed("model.", module.state_dict())
    if average is not None:
        tensors |= _prefixed("average.", average.state_dict())
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= _prefixed(f"optimiser.{number}.", moments)
    _save(path, tensors, facts, run)


def load_training(
    path: Path,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: nn.Module | None = None,
    run: str = "",
) -> dict[str, Any]:
    """Restore a network, its average and its optimiser, and return the stored position.

    Raises:
        RunError: the file of `save_training` is damaged, or it is that of another run.
    """
    tensors, facts = _load(path, run)
    with foreign(RunError, lambda reason: f"{path}: of another training ({reason}); {ANEW}"):
        model, mean, state = {}, {}, optimiser.state_dict()
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            kind, _, rest = name.partition(".")
            if kind == "model":
                model[rest] = tensor
            elif kind == "average":
                mean[rest] = tensor
            else:
                number, _, key = rest.partition(".")
                moments.setdefault(int(number), {})[key] = tensor
        module.load_state_dict(model)
        if average is not None:
            average.load_state_dict(mean)
        optimiser.load_state_dict(state | {"state": moments})
    return facts


def _prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def _save(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any], run: str) -> None:
    # A run's end forces its files to the disk. Until then, a power cut may damage them, which the
    # seal reveals.
    about = {"medusa": json.dumps(facts), "run": run, "seal": OPEN}
    write_weights(path, tensors, about)


def _load(path: Path, run: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the arrays and the position in a file, which belongs to this run if one is given."""
    with foreign(
        RunError, lambda reason: f"{path}: not readable as safetensors ({reason}); {ANEW}"
    ):
        read_sealed(path)
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            if run and about.get("run", run) != run:
                raise ValueError(f"it belongs to the run {about['run']}, not to {run}")
            facts = dict(json.loads(about.get("medusa", "{}")))
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118


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
