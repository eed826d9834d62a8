"""The seal of a finished run: the checksum of each of its files, in the file `finished`.

The mark of older runs is empty. They are read without a check.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medusa.atomic import sync
from medusa.errors import RunError
from medusa.foreign import foreign
from medusa.seal import crc32c, read_sealed, write_sealed_json

FINISHED = "finished"
REMEDY = "restore the folder from a copy, or make the run again with --force"


def seal_run(folder: Path, run: str, leave_out: tuple[str, ...] = ()) -> None:
    """Write the mark of a finished run, after all its files have reached the disk.

    Args:
        folder: of the run.
        run: the digest of its configuration.
        leave_out: names of files that will be removed.
    """
    names = [name for name in _names(folder) if name not in (*leave_out, FINISHED)]
    for name in names:
        sync(folder / name)
    sums = {name: _checksum(folder / name) for name in names}
    write_sealed_json(folder / FINISHED, {"run": run, "files": sums})


def read_run_seal(folder: Path) -> dict[str, str]:
    """Return the checksum of each file of a finished run; nothing for a run without a seal.

    Raises:
        RunError: the seal is damaged.
    """
    return dict(_read(folder).get("files", {}))


def require_whole(folder: Path, name: str) -> None:
    """Raise if a file of a finished run is not the file that the run was finished with.

    Raises:
        RunError: the file or the seal has changed.
    """
    expected = read_run_seal(folder).get(name)
    if expected is None or not (folder / name).exists():  # A reader reports an absent file.
        return
    found = _checksum(folder / name)
    if found != expected:
        raise RunError(
            f"{folder / name}: expected the file that the run was finished with (crc32c "
            f"{expected}), found another ({found}); {REMEDY}"
        )


def damages(folder: Path) -> Iterator[str]:
    """Yield one message for every file of a finished run that is absent or has changed."""
    try:
        sealed = read_run_seal(folder)
    except RunError as problem:
        yield str(problem)
        return
    for name in sealed:
        try:
            require_whole(folder, name)
        except RunError as problem:
            yield str(problem)
        if not (folder / name).exists():
            yield f"{folder / name}: missing from the run; {REMEDY}"


def _read(folder: Path) -> dict[str, Any]:
    path = folder / FINISHED
    if not path.exists() or not path.stat().st_size:
        return {}
    with foreign(RunError, lambda reason: f"{path}: damaged ({reason}); {REMEDY}"):
        seal: dict[str, Any] = json.loads(read_sealed(path))
        if not seal["run"] or not dict(seal["files"]):
            raise ValueError("it lists no files")
        return seal


def _names(folder: Path) -> list[str]:
    """Return the files of a run, and the marks of its folds, which list their own files."""
    files = [path for path in folder.glob("[!.]*") if path.is_file()]
    files += folder.glob(f"fold-*/{FINISHED}")
    return sorted(str(path.relative_to(folder)) for path in files)


def _checksum(path: Path) -> str:
    return f"{crc32c(path.read_bytes()):08x}"
