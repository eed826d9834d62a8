"""A workspace: the folder every command works in, and the names of things inside it."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from medusa.errors import MedusaError, nearest

CONFIG_NAME = "medusa.yaml"
PLACES = {
    "manifest": "manifest.parquet",
    "features": "features",
    "runs": "runs",
    "transcripts": "transcripts",
}


@dataclass(frozen=True)
class Workspace:
    """Where the manifest, the feature stores, the transcripts and the runs are."""

    root: Path
    manifest: Path
    features: Path
    runs: Path
    transcripts: Path

    @classmethod
    def open(cls, root: Path) -> "Workspace":
        """Read `medusa.yaml` in `root` if there is one; every place in it is relative to `root`.

        Raises:
            MedusaError: `root` is not a folder, or the file has a key that is not a place.
        """
        if not root.is_dir():
            raise MedusaError(f"{root}: no such folder; make it, or name another with --workspace")
        places = PLACES | _overrides(root / CONFIG_NAME)
        return cls(root=root, **{name: root / place for name, place in places.items()})


def remove(folder: Path) -> None:
    """Throw a store or a run away: out of sight at once, then from the disk."""
    if folder.exists():
        doomed = folder.with_name(f".{folder.name}.{os.getpid()}.removed")
        folder.rename(doomed)
        shutil.rmtree(doomed)


def _overrides(config: Path) -> dict[str, str]:
    if not config.exists():
        return {}
    import yaml

    try:
        given = yaml.safe_load(config.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError, IsADirectoryError) as problem:
        raise MedusaError(f"{config}: not readable as YAML: {problem}") from problem
    if not isinstance(given, dict):
        raise MedusaError(f"{config}: expected `name: path` lines, got {type(given).__name__}")
    wrong = [f"{key}{nearest(str(key), PLACES)}" for key in given if key not in PLACES]
    if wrong:
        expected = ", ".join(PLACES)
        raise MedusaError(f"{config}: unknown {', '.join(wrong)}; expected any of {expected}")
    wrong = [f"{key}: {value!r}" for key, value in given.items() if not isinstance(value, str)]
    if wrong:
        raise MedusaError(f"{config}: expected a path and got {', '.join(wrong)}")
    return given
