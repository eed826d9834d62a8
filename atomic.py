"""Files that are whole or absent: written under a hidden name first, then renamed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic(path: Path, durable: bool = False, keep_first: bool = False) -> Iterator[Path]:
    """Yield a temporary path in the same folder; rename it to `path` when the block ends.

    After an error the temporary file or folder is removed and `path` is as it was.

    Args:
        path: the final name; a folder of that name must be removed by the block.
        durable: whether the file must survive a power cut.
        keep_first: keep the file that another process has written meanwhile.
    """
    partial = partial_path(path)
    try:
        yield partial
        if durable:
            sync(partial)
        if keep_first:
            with suppress(FileExistsError):
                os.link(partial, path)
            partial.unlink()
        else:
            partial.replace(path)
    except BaseException as problem:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)
        if isinstance(problem, OSError) and problem.errno and not problem.filename:
            problem.filename = str(path)  # A write that finds no room names no file.
        raise
    if durable:
        sync(path.parent)


def write_text(path: Path, text: str, durable: bool = True) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic(path, durable) as partial:
        partial.write_text(text, encoding="utf-8")


def partial_path(path: Path) -> Path:
    """Return the hidden name under which this process writes a file before it is complete."""
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def sync(path: Path) -> None:
    """Make a file, or the renames in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
