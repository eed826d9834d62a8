"""Files that are whole or absent: written under a hidden name first, then renamed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from medusa.bucket_path import BucketPath


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
        if durable and not isinstance(path, BucketPath):
            sync(partial)
        publish(partial, path, keep_first)
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


def publish(partial: Path, path: Path, keep_first: bool = False) -> None:
    """Give a complete file or folder its name; into a bucket, a file is uploaded and removed."""
    if isinstance(path, BucketPath):
        with suppress(FileExistsError):  # only `keep_first` keeps an object
            path.put(partial, new=keep_first)
        partial.unlink()
    elif keep_first:
        with suppress(FileExistsError):
            os.link(partial, path)
        partial.unlink()
    else:
        partial.replace(path)


def reserve(path: Path) -> None:
    """Create an empty file.

    Raises:
        FileExistsError: it exists; of several processes, one creates it.
    """
    if isinstance(path, BucketPath):
        path.put(b"", new=True)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))


def remove_tree(folder: Path) -> None:
    """Remove a folder with all files in it, as far as it exists."""
    if isinstance(folder, BucketPath):
        folder.remove_all()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, text: str, durable: bool = True) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic(path, durable) as partial:
        partial.write_text(text, encoding="utf-8")


def partial_path(path: Path) -> Path:
    """Return the hidden name under which this process writes a file before it is complete.

    A file for a bucket is first written into the folder of temporary files.
    """
    if isinstance(path, BucketPath):
        descriptor, name = tempfile.mkstemp(prefix="medusa-", suffix=".partial")
        os.close(descriptor)
        return Path(name)
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def sync(path: Path) -> None:
    """Make a file, or the renames in a folder, survive a power cut; a bucket does so by itself."""
    if isinstance(path, BucketPath):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
