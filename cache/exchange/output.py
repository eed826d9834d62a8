"""Output files and folders that are whole or absent."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medusa.atomic import sync
from medusa.bucket_path import BucketPath, located
from medusa.cache.layout import SPEC
from medusa.errors import StoreError

SIDECAR = "features.json"  # every exported folder has this file
PARTIAL, OLD = "partial", "old"
REMOVED = "removed"  # the suffix of a folder that `workspace.remove` was deleting


@contextmanager
def fresh(path: Path, force: bool = False) -> Iterator[Path]:
    """Yield a hidden path to write to; it gets its final name when the block ends.

    An error leaves nothing behind. A kill leaves a hidden partial output, which the next run with
    the same output removes.

    Args:
        path: the final path of the file or folder.
        force: whether it may replace a file, or a folder that medusa wrote.

    Raises:
        StoreError: the path exists and may not be replaced, or the output cannot be written.
    """
    path = located(path)
    if isinstance(path, BucketPath):
        yield from _in_bucket(path, force)
        return
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    _tidy(path)
    _may_write(path, force)
    partial = _sibling(path, PARTIAL)
    try:
        yield partial
        _sync(partial)
        _rename_to(partial, path)
    except OSError as problem:
        _remove(partial)
        raise StoreError(f"{path}: it was not written: {problem}; nothing was changed") from problem
    except BaseException:
        _remove(partial)
        raise


def _in_bucket(path: BucketPath, force: bool) -> Iterator[Path]:
    """Yield the final path of a store in a bucket, and remove the store after an error.

    A folder cannot be renamed there. A reader may see the first shards before the last ones.
    """
    _may_write(path, force)
    path.remove_all()
    try:
        yield path
    except BaseException:
        path.remove_all()
        raise


def _may_write(path: Path, force: bool) -> None:
    """Raise an error if the path exists and may not be replaced."""
    if not path.exists():
        return
    if not force:
        raise StoreError(
            f"{path}: it exists already; choose another name, or replace it with --force"
        )
    ours = any((path / name).exists() for name in (SPEC, SIDECAR))
    if path.is_dir() and any(path.iterdir()) and not ours:
        raise StoreError(f"{path}: this folder has other files in it; choose another name")


def _rename_to(partial: Path, path: Path) -> None:
    """Rename to the final name; an existing folder is renamed before that, and removed after it."""
    if path.is_dir() or path.is_symlink():
        old = _sibling(path, OLD)
        path.rename(old)
        try:
            partial.rename(path)
        except BaseException:
            old.rename(path)
            raise
        _remove(old)
    else:
        partial.replace(path)
    sync(path.parent)


def _tidy(path: Path) -> None:
    """Clean up after a killed run: restore a folder that it had renamed, and remove the rest."""
    for left in leftovers(path.parent):
        if left.name.startswith(f".{path.name}.") and _is_dead(left):
            if left.name.endswith(OLD) and not path.exists():
                left.rename(path)
            else:
                _remove(left)


def leftovers(folder: Path) -> list[Path]:
    """Return the hidden outputs in a folder, which are incomplete or partly removed."""
    if not folder.is_dir():
        return []
    names = [path for path in folder.iterdir() if path.name.startswith(".")]
    kinds = tuple(f".{kind}" for kind in (PARTIAL, OLD, REMOVED))
    return sorted(path for path in names if path.name.endswith(kinds))


def _sibling(path: Path, kind: str) -> Path:
    """Return the hidden path of this process beside an output."""
    return path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}.{kind}")


def _is_dead(left: Path) -> bool:
    """Return whether the process that wrote this ran on this machine and has ended."""
    owner, _, process = left.name.rpartition(".")[0].rpartition("-")
    if not owner.endswith(f".{socket.gethostname()}") or not process.isdigit():
        return False
    if int(process) == os.getpid():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _sync(path: Path) -> None:
    """Make an output survive a power cut."""
    if path.is_dir():
        os.sync()  # a folder may hold 100,000 files, and one call serves them all
        return
    sync(path)


def _remove(path: Path) -> None:
    """Remove a file, a folder, or a link without the folder that it leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
