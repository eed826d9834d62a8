"""Files that another program may have written or damaged are read inside one block, `foreign`.

A library raises errors of any class for bytes that it did not expect. The block turns all of them
into one error of this project, so that no reader needs a list of the classes.
"""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from medusa.errors import MedusaError

LONGEST_REASON = 300

NOT_OURS = "make it readable and writable, or choose another folder with --workspace"
NO_ROOM = "make room on the disk and run the same command again to continue"
TOO_MANY = "allow this user more open files (`ulimit -n`)"
# An error number of the operating system -> the remedy. Such an error is no fault of a file.
REMEDIES = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), NOT_OURS),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), NO_ROOM),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), TOO_MANY),
}
CHECK_PATH = "check the path, and run the command again"


@contextmanager
def foreign(kind: type[MedusaError], explain: Callable[[str], str]) -> Iterator[None]:
    """Turn every error of the block into an error of one kind.

    Errors of this project pass unchanged, and so do refusals of the operating system, such as a
    full disk, for which `cli.py` prints the remedy.

    Args:
        kind: the kind of the error.
        explain: a function from the reason to the sentence, which names the file and the remedy.

    Raises:
        MedusaError: of the given kind.
    """
    try:
        yield
    except MedusaError:
        raise
    except Exception as problem:
        if isinstance(problem, OSError) and problem.errno in REMEDIES:
            raise
        raise kind(explain(reason_of(problem))) from problem
    except BaseException as problem:
        if type(problem).__name__ != "PanicException":  # Libraries in Rust raise it.
            raise
        raise kind(explain(reason_of(problem))) from problem


def reason_of(problem: BaseException) -> str:
    """Return the message of an error in one line, or the name of its class if it has none."""
    words = " ".join(str(problem).split()).rstrip(".")
    if isinstance(problem, KeyError):
        words = f"no {words}"
    if len(words) > LONGEST_REASON:
        words = f"{words[:LONGEST_REASON]}..."
    return words or type(problem).__name__
