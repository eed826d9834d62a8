"""Backbones: one file for each family, found by its file name.

The input is a backbone's name and a checkpoint. `describe` returns a `Backbone`, which is its facts
without the weights. The family's `load` returns an encoder that turns samples (S,) or a text into
features (K, T, D). A family is a module with `CHECKPOINTS` (backbone name -> usual checkpoint),
`INPUT`, `ON_HUB`, `describe`, `published` and `load`; see `medusa.extract.encoders.encoder.Family`.
Nothing here imports a pass over a corpus, the planning of a pass, or a store.

The door: `describe`, `load`, `family`, `reads_text`.
"""

import importlib
import pkgutil
from pathlib import Path
from typing import cast

from medusa.errors import CheckpointError, nearest
from medusa.extract.encoders import Backbone, BackboneEncoder, Family
from medusa.foreign import foreign


def family(name: str) -> Family:
    """Return the family of this file name."""
    return cast(Family, importlib.import_module(f"{__name__}.{name}"))


def families() -> list[str]:
    """Return the file names of all families."""
    return [module.name for module in pkgutil.iter_modules(__path__)]


def checkpoints() -> dict[str, str]:
    """Return every backbone name with its usual checkpoint, empty if the user must name one."""
    return {
        name: checkpoint.source
        for file in families()
        for name, checkpoint in family(file).CHECKPOINTS.items()
    }


def family_of(name: str) -> Family:
    """Return the family of a backbone; a file of the same name is tried first.

    Raises:
        CheckpointError: no family has such a backbone.
    """
    for file in sorted(families(), key=lambda file: file != name):
        if name in family(file).CHECKPOINTS:
            return family(file)
    if "/" in name or Path(name).exists():
        raise CheckpointError(
            f"no backbone {name!r}: a backbone is a name; give the place of its weights with "
            f"--backbone auto --checkpoint {name}"
        )
    known = checkpoints()
    names = ", ".join(sorted(known))
    raise CheckpointError(f"no backbone {name!r}{nearest(name, known)}; there are: {names}")


def describe(name: str, checkpoint: str | None = None, revision: str | None = None) -> Backbone:
    """Return the facts of a backbone without reading its weights.

    Args:
        name: a backbone, as in `checkpoints()`.
        checkpoint: hub id, folder or file in place of the default.
        revision: the branch, tag or commit of a hub id.

    Raises:
        CheckpointError: there is no such backbone, or it needs a checkpoint and none is given.
    """
    found = family_of(name)
    chosen = checkpoint or found.CHECKPOINTS[name].source
    if not chosen:
        raise CheckpointError(f"backbone {name}: name what to load with --checkpoint PATH_OR_ID")
    with foreign(CheckpointError, lambda reason: _unusable(chosen, reason)):
        return found.describe(name, chosen, revision)


def load(backbone: Backbone, layers: tuple[int, ...], device: str) -> BackboneEncoder:
    """Read the weights of a described backbone onto a device.

    Raises:
        CheckpointError: the weights cannot be read, or are incomplete.
    """
    with foreign(CheckpointError, lambda reason: _unusable(backbone.source, reason)):
        return family(backbone.family).load(backbone, layers, device)


def _unusable(checkpoint: str, reason: str) -> str:
    return f"{checkpoint}: not usable as an encoder ({reason}); replace the files"


def reads_text(name: str, checkpoint: str | None = None) -> bool:
    """Return whether a backbone's input is text; only `auto` needs the checkpoint to decide."""
    kind = family_of(name).INPUT or describe(name, checkpoint).input
    return kind == "text"
