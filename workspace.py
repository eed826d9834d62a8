"""A workspace is the folder that a command works in; this module names the paths in it."""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medusa.bucket_path import BucketPath, located
from medusa.errors import ConfigError, ManifestError, MedusaError, StoreError, nearest

CONFIG_NAME = "medusa.yaml"
NAME = re.compile(r"\w[\w.+=-]*")
LONGEST_NAME = 100
PATHS = {
    "manifest": "manifest.parquet",
    "features": "features",
    "runs": "runs",
    "transcripts": "transcripts",
}
CHECKPOINTS = "checkpoints"  # the key of medusa.yaml, and a folder that a workspace may have
ALSO_FEATURES = "also_features"


@dataclass(frozen=True)
class Workspace:
    """The paths of a workspace: its manifest, feature stores, transcripts and runs.

    Attributes:
        root: the folder of the workspace.
        manifest, features, runs, transcripts: the file and the folders in it; `features` may be in
            a bucket (`features: s3://speech/features`).
        checkpoints: the folder, the file or the hub id of backbones' weights, by the name of the
            backbone, from `medusa.yaml`.
        also_features: further folders of feature stores, on disks or in buckets, which are read
            together with `features` and never written; from `medusa.yaml`.
    """

    root: Path
    manifest: Path
    features: Path
    runs: Path
    transcripts: Path
    checkpoints: Mapping[str, str] = field(default_factory=dict, hash=False)
    also_features: tuple[Path, ...] = ()

    @classmethod
    def open(cls, root: Path) -> "Workspace":
        """Read `medusa.yaml` in `root` if there is one; every path in it is relative to `root`.

        Raises:
            MedusaError: `root` is not a folder, or the file has an unknown key.
        """
        if not root.is_dir():
            raise MedusaError(f"{root}: no such folder; make it, or name another with --workspace")
        require_utf_8(root)
        given = _settings(root / CONFIG_NAME)
        checkpoints, also = given.pop(CHECKPOINTS, {}), given.pop(ALSO_FEATURES, [])
        places = {name: located(path) for name, path in (PATHS | given).items()}
        for name, path in places.items():
            if isinstance(path, BucketPath) and name != "features":
                raise MedusaError(f"{root / CONFIG_NAME}: {name}: only features may be in a bucket")
            places[name] = path if isinstance(path, BucketPath) else root / path
        return cls(
            root,
            **places,
            checkpoints=_checkpoints(root, checkpoints),
            also_features=tuple(_also(root, folder) for folder in also),
        )

    @property
    def feature_folders(self) -> tuple[Path, ...]:
        """All folders of feature stores; only the first one is written."""
        return (self.features, *self.also_features)

    def require_manifest(self) -> None:
        """Raise if there is no manifest yet; it takes no time.

        Raises:
            ManifestError: the message names the command that makes one.
        """
        if not self.manifest.exists():
            raise ManifestError(
                f"{self.manifest}: no manifest here; make one with `medusa manifest import CORPUS "
                "PATH`"
            )

    def checkpoint(self, backbone: str) -> str | None:
        """Return the weights that `medusa.yaml` names for a backbone, or None."""
        return self.checkpoints.get(backbone)


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


def checked_name(option: str, name: str, longest: int = LONGEST_NAME) -> str:
    """Return a name that the user gave and that becomes the name of a file or a folder.

    Raises:
        ConfigError: the name is not one word, it starts with a dot or a dash, or it is too long.
    """
    if not NAME.fullmatch(name) or len(name.encode(errors="replace")) > longest:
        raise ConfigError(
            f"{option} {name!r}: expected one word of at most {longest} letters, digits, "
            "dots, dashes and underscores, with a letter or a digit at the start; such as large-v3"
        )
    return name


def is_file_name(name: object) -> bool:
    """Return whether a name from a file is the name of a file or a folder, and no path.

    Such a name cannot lead out of the folder that it is joined to.
    """
    if not isinstance(name, str) or not name or name.startswith("."):
        return False
    return name == Path(name).name and "\\" not in name and "\0" not in name


def refuse_links(folder: Path) -> None:
    """Raise if a folder from elsewhere contains links, which may lead out of it.

    Raises:
        StoreError: a file or a folder in it is a link.
    """
    for where, folders, files in os.walk(folder):
        links = [name for name in (*folders, *files) if os.path.islink(f"{where}/{name}")]
        if links:
            raise StoreError(
                f"{where}/{links[0]}: this is a link that may lead out of {folder}; put a copy of "
                "the file in its place"
            )


def require_listable(folder: Path) -> None:
    """Raise an OSError if there is a folder whose entries cannot be listed.

    `Path.glob` finds nothing in such a folder, as if it were empty.
    """
    if os.path.lexists(folder):
        os.scandir(folder).close()


def remove(folder: Path) -> None:
    """Remove a store or a run: rename it to a hidden name first, and then delete it.

    If the folder is a link, the link is removed, and the folder that it leads to is kept.
    """
    if isinstance(folder, BucketPath):
        folder.remove_all()
    elif folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        doomed = folder.with_name(f".{folder.name}.{os.getpid()}.removed")
        folder.rename(doomed)
        shutil.rmtree(doomed)


def _settings(config: Path) -> dict[str, Any]:
    """Return the keys and values of `medusa.yaml`, or nothing if there is no such file."""
    if not os.path.lexists(config):  # A link that leads nowhere is a mistake.
        return {}
    from medusa.strict import read_yaml_file

    given = read_yaml_file(config)
    if not isinstance(given, dict):
        raise MedusaError(f"{config}: expected `name: path` lines, got {type(given).__name__}")
    known = (*PATHS, CHECKPOINTS, ALSO_FEATURES)
    wrong = [f"{key}{nearest(str(key), known)}" for key in given if key not in known]
    if wrong:
        expected = ", ".join(known)
        raise MedusaError(f"{config}: unknown {', '.join(wrong)}; expected any of {expected}")
    checkpoints = given.get(CHECKPOINTS, {})
    if not isinstance(checkpoints, dict):
        raise MedusaError(
            f"{config}: expected `backbone: path or hub id` lines below {CHECKPOINTS}, got "
            f"{checkpoints!r}"
        )
    also = given.get(ALSO_FEATURES, [])
    if not isinstance(also, list):
        raise MedusaError(
            f"{config}: expected a list of folders as {ALSO_FEATURES}, such as "
            f"[../emodb/features], got {also!r}"
        )
    values = {key: value for key, value in given.items() if key in PATHS}
    values |= {f"{CHECKPOINTS}.{key}": value for key, value in checkpoints.items()}
    values |= {f"{ALSO_FEATURES}[{number}]": value for number, value in enumerate(also)}
    wrong = [f"{key}: {value!r}" for key, value in values.items() if not isinstance(value, str)]
    if wrong:
        raise MedusaError(f"{config}: expected a path and got {', '.join(wrong)}")
    return given


def _also(root: Path, folder: str) -> Path:
    """Return a further folder of stores.

    Raises:
        MedusaError: there is no such folder; its features would be missing without a word.
    """
    path = located(folder)
    if isinstance(path, BucketPath):
        return path
    if not (root / path).is_dir():
        raise MedusaError(
            f"{root / CONFIG_NAME}: {ALSO_FEATURES}: {root / path} is no folder; name the folder "
            "`features` of another workspace, or the URL of a bucket"
        )
    return root / path


def _checkpoints(root: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Return the checkpoints; one that is a file or a folder below `root` becomes its path."""
    return {
        str(name): str(root / value) if (root / value).exists() else value
        for name, value in given.items()
    }
