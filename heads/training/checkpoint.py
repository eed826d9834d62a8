"""One safetensors file with everything that an interrupted training needs to resume exactly."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from medusa.atomic import atomic
from medusa.errors import RunError

CHECKPOINT, BEST = "checkpoint.safetensors", "best.safetensors"  # Both are files of a run.


def save_weights(path: Path, module: nn.Module, facts: dict[str, Any] | None = None) -> None:
    """Write a module's parameters and buffers."""
    _save(path, _prefixed("", module.state_dict()), facts or {})


def load_weights(path: Path, module: nn.Module) -> None:
    """Read the weights that `save_weights` wrote into a module of the same shape.

    Raises:
        RunError: a name or shape differs. The message gives the first difference.
    """
    tensors, _ = _load(path)
    expected = module.state_dict()
    for name in sorted({*tensors, *expected}):
        stored = tuple(tensors[name].shape) if name in tensors else "nothing"
        wanted = tuple(expected[name].shape) if name in expected else "nothing"
        if stored != wanted:
            raise RunError(f"{path}: {name} is {stored}, the network expects {wanted}")
    module.load_state_dict(tensors)


def stored_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of a file of weights."""
    return {name: tuple(tensor.shape) for name, tensor in _load(path)[0].items()}


def save_training(
    path: Path,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    facts: dict[str, Any],
    average: nn.Module | None = None,
) -> None:
    """Write the network, its running average, the optimiser's moments and the position."""
    tensors = _prefixed("model.", module.state_dict())
    if average is not None:
        tensors |= _prefixed("average.", average.state_dict())
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= _prefixed(f"optimiser.{number}.", moments)
    _save(path, tensors, facts)


def load_training(
    path: Path,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: nn.Module | None = None,
) -> None:
    """Restore a network, its average and its optimiser from the file of `save_training`."""
    tensors, _ = _load(path)
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


def load_facts(path: Path) -> dict[str, Any]:
    """Return the position that is stored in the file of the weights."""
    return _load(path)[1]


def _prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor.detach().contiguous() for name, tensor in tensors.items()}


def _save(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    with atomic(path) as partial:
        save_file(tensors, partial, metadata={"medusa": json.dumps(facts)})


def _load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("medusa", "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118
    except (OSError, ValueError, RuntimeError, SafetensorError) as problem:
        raise RunError(
            f"{path}: not readable as safetensors ({problem}); make the run again with --force"
        ) from problem
