"""The weights of the published code of MEDUSA under the names of `PublishedDeepSER`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from medusa.errors import CheckpointError, listed
from medusa.heads.imported.state_dict import read_state_dict

CLASSES = ("angry", "sad", "happy", "surprise", "fear", "disgust", "contempt", "neutral")
# A pattern of a name there -> the name here. Each is applied to the beginning of the name in turn.
ENCODERS = {
    r"legs\.(\d{1,4})\.": r"fusion.modalities.\1.",
    r"leg4\.": "fusion.fusions.0.",
    r"leg5\.": "fusion.fusions.1.",
}
IN_ENCODER = {r"linear1\.": "w1.", r"linear2\.": "w2.", r"transformer\.layers\.": "layers."}
OUTSIDE = {
    r"linear1\.": "fusion.join.",
    r"linear2\.": "output.classes.",
    r"linear3\.": "output.attributes.",
}


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict of the published code, under the names of this project.

    Raises:
        CheckpointError: the file is not readable, or a name is none of the published code's.
    """
    return renamed(read_state_dict(path))


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights under the names of this project.

    Raises:
        CheckpointError: a name is none of the published code's, or a weight is a single number.
    """
    names = {name: _renamed(name) for name in state}
    if unknown := [name for name, new in names.items() if new is None]:
        raise CheckpointError(
            f"expected legs.0, legs.1, ..., leg4, leg5 and linear1 to linear3, found "
            f"{listed(unknown)}; import weights of the published code"
        )
    if single := [name for name, tensor in state.items() if not tensor.ndim]:
        raise CheckpointError(
            f"{single[0]}: expected a vector or a matrix, found a single number; import weights of "
            "the published code"
        )
    return {new: state[name] for name, new in names.items() if new is not None}


def _renamed(name: str) -> str | None:
    for pattern, new in ENCODERS.items():
        if found := re.match(pattern, name):
            inside = _replaced(name[found.end() :], IN_ENCODER)
            return None if inside is None else found.expand(new) + inside
    return _replaced(name, OUTSIDE)


def _replaced(name: str, rules: Mapping[str, str]) -> str | None:
    for pattern, new in rules.items():
        if found := re.match(pattern, name):
            return new + name[found.end() :]
    return None


def check_widths(weights: Mapping[str, Tensor], widths: list[int]) -> None:
    """Raise an error if the features of the modalities have other widths than the encoders."""
    found = {}
    for name, tensor in weights.items():
        if number := re.fullmatch(r"fusion\.modalities\.(\d+)\.w1\.weight", name):
            found[int(number[1])] = int(tensor.shape[-1])
    wanted = [found[number] for number in sorted(found)]
    if wanted != widths:
        raise CheckpointError(
            f"expected features {' and '.join(map(str, wanted))} wide, in this order, found "
            f"{' and '.join(map(str, widths))}; name them with --backbones"
        )


def settings_of(weights: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Return the settings that the shapes determine, as `key=value`.

    Raises:
        CheckpointError: the weights that determine them are missing.
    """
    sizes = {
        "head.width": "fusion.join.bias",
        "head.feedforward": "fusion.modalities.0.layers.0.linear1.bias",
    }
    if absent := [name for name in sizes.values() if name not in weights]:
        raise CheckpointError(
            f"expected all weights of the published code, found none for {listed(absent)}; save "
            "the whole `model.state_dict()`"
        )
    return tuple(f"{key}={len(weights[name])}" for key, name in sizes.items())


def in_class_order(weights: dict[str, Tensor], classes: Sequence[str]) -> dict[str, Tensor]:
    """Return the weights with the classes of the output in another order.

    Args:
        weights: with an output for each of `CLASSES`, in that order.
        classes: the same classes in the order of the corpus.

    Raises:
        CheckpointError: the corpus has other classes.
    """
    if sorted(classes) != sorted(CLASSES):
        raise CheckpointError(
            f"expected a corpus with the classes {', '.join(CLASSES)}, found {', '.join(classes)}; "
            "run `medusa manifest relabel --classes msp-8`"
        )
    order = torch.tensor([CLASSES.index(name) for name in classes])
    ours = ("output.classes.weight", "output.classes.bias")
    sizes = {name: len(weights.get(name, ())) for name in ours}
    if wrong := [name for name, size in sizes.items() if size != len(CLASSES)]:
        raise CheckpointError(
            f"linear2: expected {len(CLASSES)} outputs, found {sizes[wrong[0]]}; import weights of "
            "the published code"
        )
    return weights | {name: weights[name][order] for name in ours}
