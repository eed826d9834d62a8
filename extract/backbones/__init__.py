"""Backbones: one file for each family, found by its file name.

In go a backbone's name and a checkpoint; out comes a `Backbone` (its facts, without the weights)
and, from the family's `load`, an encoder that turns samples (S,) or a text into features
(K, T, D). A family is a module with `CHECKPOINTS` (backbone name -> default checkpoint),
`describe` and `load`; see `medusa.extract.encoders.encoder.Family`.
Nothing here imports a pass over a corpus, the planning of one, or a store.

Door: `describe`, `family`, `checkpoints`.
"""

import importlib
import pkgutil
from typing import cast

from medusa.errors import CheckpointError, nearest
from medusa.extract.encoders import Backbone, Family


def family(name: str) -> Family:
    """Return the family of this file name."""
    return cast(Family, importlib.import_module(f"{__name__}.{name}"))


def families() -> dict[str, Family]:
    """Return all families by file name."""
    return {module.name: family(module.name) for module in pkgutil.iter_modules(__path__)}


def checkpoints() -> dict[str, str]:
    """Return every backbone name with its default checkpoint (empty: it must be given)."""
    return {
        name: checkpoint
        for module in families().values()
        for name, checkpoint in module.CHECKPOINTS.items()
    }


def describe(name: str, checkpoint: str | None = None, revision: str | None = None) -> Backbone:
    """Return the facts of a backbone without reading its weights.

    Args:
        name: a backbone, as in `checkpoints()`.
        checkpoint: hub id, folder or file in place of the default.
        revision: of a hub id.

    Raises:
        CheckpointError: no such backbone, or it needs a checkpoint and none is given.
    """
    known = checkpoints()
    if name not in known:
        names = ", ".join(sorted(known))
        raise CheckpointError(f"no backbone {name!r}{nearest(name, known)}; there are: {names}")
    chosen = checkpoint or known[name]
    if not chosen:
        raise CheckpointError(f"backbone {name}: name what to load with --checkpoint PATH_OR_ID")
    module = next(one for one in families().values() if name in one.CHECKPOINTS)
    return module.describe(name, chosen, revision)
