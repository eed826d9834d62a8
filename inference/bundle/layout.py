"""The files of a bundle, their names and their checksums."""

import hashlib
import os
import re
from pathlib import Path

from medusa.atomic import write_text
from medusa.errors import RunError, listed
from medusa.foreign import foreign

RECORD, CARD, SUMS = "bundle.json", "README.md", "checksums.sha256"
RUNS, CHANNELS, BACKBONES = "runs", "channels", "backbones"  # folders
# No other kinds of files are in a bundle. None of them is unpickled, and none contains code.
KINDS = (".json", ".yaml", ".md", ".txt", ".safetensors", ".model", ".tiktoken")
NAME = r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*/){0,2}[A-Za-z0-9_][A-Za-z0-9_.-]*"
LINE = re.compile(rf"([0-9a-f]{{64}})  ({NAME})\n")
REMEDY = "copy or pull the bundle again"


def is_bundle(folder: Path) -> bool:
    """Return whether a folder is a bundle, whole or not."""
    return (folder / SUMS).exists() or (folder / RECORD).exists()


def is_allowed(name: str) -> bool:
    """Return whether a bundle may contain a file of this name, which is relative to its folder."""
    return re.fullmatch(NAME, name) is not None and name.endswith(KINDS)


def write_sums(folder: Path) -> None:
    """Write the checksums of all files of a new bundle."""
    sums = {name: _sha256(folder / name) for name in _files_of(folder)}
    write_text(folder / SUMS, "".join(f"{one}  {name}\n" for name, one in sorted(sums.items())))


def read_sums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a bundle, by its name.

    Raises:
        RunError: the file is missing or damaged, or it has a name that leads out of the folder.
    """
    path = folder / SUMS
    with foreign(RunError, lambda reason: f"{path}: not readable ({reason}); {REMEDY}"):
        text = path.read_bytes().decode("ascii")
    lines = [LINE.fullmatch(line) for line in text.splitlines(keepends=True)]
    sums = {line[2]: line[1] for line in lines if line is not None}
    odd = [number for number, line in enumerate(lines, 1) if line is None or _is_odd(line[2])]
    if odd or len(sums) < len(lines) or not {RECORD, CARD} <= set(sums):
        where = f"line {odd[0]}" if odd else "the list"
        raise RunError(
            f"{path}: expected one line for each file of the bundle, with its SHA-256 and a name "
            f"inside the folder; {where} is another; {REMEDY}"
        )
    return sums


def digest_of_bundle(folder: Path) -> str:
    """Return 16 hex digits that change with every byte of a bundle."""
    return _sha256(folder / SUMS)[:16]


def require_intact(folder: Path) -> None:
    """Raise if a bundle is not the bundle that was written.

    Hidden files at its top, such as `.gitattributes`, are ignored; they are never read.

    Raises:
        RunError: a file has changed, is missing or was added, or is a link.
    """
    found = {*_files_of(folder)} - {SUMS}
    sums = read_sums(folder)
    if added := sorted(found - set(sums)):
        raise RunError(
            f"{folder}: expected the {len(sums)} files of {SUMS}, found also {listed(added)}; "
            "remove these files"
        )
    for name, expected in sums.items():
        if name not in found:
            raise RunError(f"{folder / name}: missing from the bundle; {REMEDY}")
        sha256 = _sha256(folder / name)
        if sha256 != expected:
            raise RunError(
                f"{folder / name}: changed since the bundle was written (expected SHA-256 "
                f"{expected[:16]}..., found {sha256[:16]}...); {REMEDY}"
            )


def _is_odd(name: str) -> bool:
    return name == SUMS or not is_allowed(name)


def _files_of(folder: Path) -> list[str]:
    """Return the names of all files in a folder, relative to it.

    Raises:
        RunError: a file or a folder is a link or a device.
    """
    names: list[str] = []
    for where, folders, files in os.walk(folder):
        if Path(where) == folder:
            folders[:] = [name for name in folders if not name.startswith(".")]
            files = [name for name in files if not name.startswith(".")]
        for path in (Path(where, name) for name in (*folders, *files)):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise RunError(
                    f"{path}: expected a file or a folder of the bundle, found a link or a "
                    "device; put a copy of the file in its place"
                )
        names += [Path(where, name).relative_to(folder).as_posix() for name in files]
    return names


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
