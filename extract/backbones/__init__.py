"""One file per backbone family, found by file name.

A family is a module with `CHECKPOINTS` (backbone name -> default checkpoint), `describe` and
`load`; see `medusa.extract.encoders.encoder.Family`.
"""

import importlib
import pkgutil
from typing import cast

from medusa.errors import MedusaError, nearest
from medusa.extract.encoders.encoder import Backbone, Family


class BackboneError(MedusaError):
    """A backbone that is not known, or that lacks a checkpoint."""


def family(name: str) -> Family:
    """Return the family of this file name."""
    return cast(Family, importlib.import_module(f"{__name__}.{name}"))


def families() -> dict[str, Family]:
    """Return all families by file name."""
    return {module.name: family(module.name) for module in pkgutil.iter_modules(__path__)}


def checkpoints() -> dict[str, str]:
    """Return every backbone name with its default checkpoint (empty: it must be given)."""
    return {name: there for one in families().values() for name, there in one.CHECKPOINTS.items()}


def describe(name: str, checkpoint: str | None = None, revision: str | None = None) -> Backbone:
    """Return the facts of a backbone without reading its weights.

    Args:
        name: a backbone, as in `checkpoints()`.
        checkpoint: hub id, folder or file in place of the default.
        revision: of a hub id.

    Raises:
        BackboneError: no such backbone, or it needs a checkpoint and none is given.
    """
    known = checkpoints()
    if name not in known:
        there = ", ".join(sorted(known))
        raise BackboneError(f"no backbone {name!r}{nearest(name, known)}; there are: {there}")
    chosen = checkpoint or known[name]
    if not chosen:
        raise BackboneError(f"backbone {name}: name what to load with --checkpoint PATH_OR_ID")
    one = next(one for one in families().values() if name in one.CHECKPOINTS)
    return one.describe(name, chosen, revision)
