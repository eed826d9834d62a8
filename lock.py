"""One process at a time: a lock that the operating system releases when its process ends."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from medusa.errors import MedusaError

# A refusal waits so long: the workers of a killed command end a moment after it.
A_MOMENT_S = 3.0
SHORT_S = 20.0  # The other changes of a manifest take less, except for an import.


@contextmanager
def locked(path: Path, doing: str, wait_s: float | None = None) -> Iterator[None]:
    """Keep other processes from changing a file or a folder until the block ends.

    The lock is the hidden file `.NAME.lock` beside `path`. It stays there, but a process that has
    ended, or was killed, holds it no longer. Without a lock the block still runs: the disk may
    have no locks, or it may be read-only.

    Args:
        path: the file or the folder; it need not exist.
        doing: what the process does to it, for the message: `making this run`.
        wait_s: how long to wait for another process, by default a moment; a negative number
            means until it ends.

    Raises:
        MedusaError: another process holds the lock.
    """
    from filelock import FileLock, Timeout

    with ExitStack() as held:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path.with_name(f".{path.name}.lock"))
            held.enter_context(lock.acquire(timeout=A_MOMENT_S if wait_s is None else wait_s))
        except Timeout as problem:
            raise MedusaError(
                f"{path}: another process is {doing}; wait until it has ended, and run this "
                "command again"
            ) from problem
        except (OSError, NotImplementedError):
            pass
        yield
