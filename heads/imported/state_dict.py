"""The weights in a file of another program."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import torch
from safetensors.torch import load_file
from torch import Tensor

from medusa.errors import CheckpointError
from medusa.foreign import foreign

WRAPPERS = ("state_dict", "model_state_dict", "model")  # the keys of a training's checkpoint
PREFIX = "module."  # torch.nn.DataParallel puts it before every name.
LARGER = "its arrays are larger than the file"


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read the weights of a file of PyTorch or of safetensors as float32, on the CPU.

    Objects other than weights are never unpickled. The messages do not repeat the path.

    Raises:
        CheckpointError: the file is missing or no state dict, its arrays are larger than the file,
            or some numbers are not finite.
    """
    if not path.is_file():
        raise CheckpointError("expected a file of weights, found none; check the path")
    size = path.stat().st_size
    with foreign(CheckpointError, _unreadable):
        _refuse_compressed(path, size)
        held: Any = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
        for key in WRAPPERS:
            if isinstance(held, Mapping) and isinstance(held.get(key), Mapping):
                held = held[key]
    if not isinstance(held, Mapping) or not all(map(_is_array, held.values())):
        raise CheckpointError(_unreadable("it holds more than weights by name"))
    # An array of one stored number can claim any size, and the network would be built for it.
    if sum(tensor.nbytes for tensor in held.values()) > size:
        raise CheckpointError(_unreadable(LARGER))
    state = {str(name).removeprefix(PREFIX): tensor.float() for name, tensor in held.items()}
    if bad := [name for name, tensor in state.items() if not tensor.isfinite().all()]:
        raise CheckpointError(f"{bad[0]} has numbers that are not finite; use another checkpoint")
    return state


def _refuse_compressed(path: Path, size: int) -> None:
    """Raise a ValueError for a small file that fills the memory; torch.save compresses nothing."""
    with path.open("rb") as file:
        is_zip = file.read(4) == b"PK\3\4"
        if is_zip and sum(one.file_size for one in ZipFile(file).filelist) > size:
            raise ValueError(LARGER)


def _is_array(held: Any) -> bool:
    """Return whether an entry is an array of real numbers, all of which are in memory."""
    if not isinstance(held, Tensor) or held.is_complex() or held.is_quantized:
        return False
    return held.layout == torch.strided and held.is_cpu


def _unreadable(reason: str) -> str:
    return (
        "expected a state dict of PyTorch or safetensors, found something else "
        f"({reason}); save `model.state_dict()` with torch.save, and import that file"
    )
