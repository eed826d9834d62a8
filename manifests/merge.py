"""Several manifests become one: ids and speakers get the corpus's name, and classes must agree."""

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from medusa.errors import ManifestError, listed
from medusa.manifests.manifest import Manifest


def merge(parts: Mapping[str, Manifest], folder: Path) -> Manifest:
    """Return all rows of several manifests.

    Args:
        parts: each manifest by the name that its ids and speakers get, as in `emodb/03a01Fa`.
        folder: the folder that the merged manifest will be written to.

    Raises:
        ManifestError: the classes or their order differ.
    """
    first = next(iter(parts.values())).scheme
    odd = [name for name, part in parts.items() if part.scheme.classes != first.classes]
    if odd:
        raise ManifestError(
            f"the classes of {listed(odd)} are not {', '.join(first.classes)}; give all parts the "
            "same classes with `medusa manifest relabel --classes ...`"
        )
    real_folder = folder.resolve()  # A `..` in a path leaves the folder itself, not a link to it.
    frames, votes = [], []
    for name, part in parts.items():
        frame = part.frame.copy()
        frame["id"] = name + "/" + frame["id"]
        frame["speaker"] = name + "/" + frame["speaker"]
        part_root = part.root.resolve()
        frame["path"] = frame["path"].map(
            lambda path, part_root=part_root: os.path.relpath(part_root / path, real_folder),
            na_action="ignore",
        )
        frames.append(frame)
        if part.votes is not None:
            votes.append(part.votes.assign(id=name + "/" + part.votes["id"]))
    provenance: dict[str, object] = {
        "corpus": "merged",
        "parts": {name: part.provenance for name, part in parts.items()},
    }
    return Manifest(
        pd.concat(frames, ignore_index=True),
        first,
        pd.concat(votes, ignore_index=True) if votes else None,
        folder,
        provenance,
    )
