"""Files and folders that are there whole or not at all."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medusa.atomic import sync
from medusa.cache.layout import SPEC
from medusa.errors import StoreError

SIDECAR = "features.json"  # in folders that we export
PARTIAL, OLD = "partial", "old"
REMOVED = "removed"  # what `workspace.remove` had not yet thrown away


@contextmanager
def fresh(path: Path, force: bool = False) -> Iterator[Path]:
    """Give a name to write a file or folder to; it gets its own name when it is whole.

    After an error nothing is left. After a kill a hidden partial is left, which the next run with
    the same output removes.

    Args:
        path: what shall be there in the end.
        force: whether it may replace a file, or a folder that is ours.

    Raises:
        StoreError: it is there already.
    """
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
        raise StoreError(f"{path}: not written: {problem}; nothing was changed") from problem
    except BaseException:
        _remove(partial)
        raise


def _may_write(path: Path, force: bool) -> None:
    if not path.exists():
        return
    if not force:
        raise StoreError(f"{path}: already there; choose another name, or replace it with --force")
    ours = any((path / name).exists() for name in (SPEC, SIDECAR))
    if path.is_dir() and any(path.iterdir()) and not ours:
        raise StoreError(f"{path}: a folder with other things in it; choose another name")


def _rename_to(partial: Path, path: Path) -> None:
    """Rename to the final name; a folder that is there steps aside first, and is then removed."""
    if path.is_dir():
        old = _sibling(path, OLD)
        path.rename(old)
        try:
            partial.rename(path)
        except BaseException:
            old.rename(path)
            raise
        shutil.rmtree(old)
    else:
        partial.replace(path)
    sync(path.parent)


def _tidy(path: Path) -> None:
    """Put right what a killed run left: restore what had stepped aside, remove the rest."""
    for left in leftovers(path.parent):
        if left.name.startswith(f".{path.name}.") and _is_dead(left):
            if left.name.endswith(OLD) and not path.exists():
                left.rename(path)
            else:
                _remove(left)


def leftovers(folder: Path) -> list[Path]:
    """Return the hidden outputs in a folder that are not, not yet, or no longer, whole."""
    if not folder.is_dir():
        return []
    names = [path for path in folder.iterdir() if path.name.startswith(".")]
    kinds = tuple(f".{kind}" for kind in (PARTIAL, OLD, REMOVED))
    return sorted(path for path in names if path.name.endswith(kinds))


def _sibling(path: Path, kind: str) -> Path:
    return path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}.{kind}")


def _is_dead(left: Path) -> bool:
    """Whether the process that wrote this was one of this machine and is gone."""
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
    if path.is_dir():
        os.sync()  # a folder may hold 100,000 files: one call, not one each
        return
    sync(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
