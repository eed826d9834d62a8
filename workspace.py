"""A workspace is the folder that a command works in; this module names the paths in it."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from medusa.errors import ConfigError, MedusaError, nearest

CONFIG_NAME = "medusa.yaml"
NAME = re.compile(r"\w[\w.+=-]*")
LONGEST_NAME = 100
PATHS = {
    "manifest": "manifest.parquet",
    "features": "features",
    "runs": "runs",
    "transcripts": "transcripts",
}


@dataclass(frozen=True)
class Workspace:
    """The paths of a workspace: its manifest, feature stores, transcripts and runs."""

    root: Path
    manifest: Path
    features: Path
    runs: Path
    transcripts: Path

    @classmethod
    def open(cls, root: Path) -> "Workspace":
        """Read `medusa.yaml` in `root` if there is one; every path in it is relative to `root`.

        Raises:
            MedusaError: `root` is not a folder, or the file has an unknown key.
        """
        if not root.is_dir():
            raise MedusaError(f"{root}: no such folder; make it, or name another with --workspace")
        require_utf_8(root)
        paths = PATHS | _overrides(root / CONFIG_NAME)
        return cls(root=root, **{name: root / path for name, path in paths.items()})


def require_utf_8(*paths: Path | str) -> None:
    """Raise if the name of a file, or of a folder above it, is not UTF-8.

    Raises:
        MedusaError: a manifest cannot hold such a name.
    """
    for path in paths:
        try:
            os.path.abspath(path).encode()
        except UnicodeEncodeError as problem:
            shown = os.fsencode(os.path.abspath(path)).decode(errors="backslashreplace")
            raise MedusaError(
                f"{shown}: the name is not UTF-8, and a manifest cannot hold it; rename the folder "
                "or the file"
            ) from problem


def checked_name(option: str, name: str) -> str:
    """Return a name that the user gave and that becomes the name of a file or a folder.

    Raises:
        ConfigError: the name is not one word, it starts with a dot or a dash, or it is too long.
    """
    if not NAME.fullmatch(name) or len(name.encode(errors="replace")) > LONGEST_NAME:
        raise ConfigError(
            f"{option} {name!r}: expected one word of at most {LONGEST_NAME} letters, digits, "
            "dots, dashes and underscores, with a letter or a digit at the start; such as large-v3"
        )
    return name


def remove(folder: Path) -> None:
    """Remove a store or a run: rename it to a hidden name first, and then delete it."""
    if folder.exists():
        doomed = folder.with_name(f".{folder.name}.{os.getpid()}.removed")
        folder.rename(doomed)
        shutil.rmtree(doomed)


def _overrides(config: Path) -> dict[str, str]:
    if not config.exists():
        return {}
    from medusa.strict import read_yaml_file

    given = read_yaml_file(config)
    if not isinstance(given, dict):
        raise MedusaError(f"{config}: expected `name: path` lines, got {type(given).__name__}")
    wrong = [f"{key}{nearest(str(key), PATHS)}" for key in given if key not in PATHS]
    if wrong:
        expected = ", ".join(PATHS)
        raise MedusaError(f"{config}: unknown {', '.join(wrong)}; expected any of {expected}")
    wrong = [f"{key}: {value!r}" for key, value in given.items() if not isinstance(value, str)]
    if wrong:
        raise MedusaError(f"{config}: expected a path and got {', '.join(wrong)}")
    return given
