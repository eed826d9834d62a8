"""The result of a verification."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medusa.workspace import Workspace

OK, DAMAGED, UNSEALED, UNFINISHED = "ok", "damaged", "no seal", "unfinished"


@dataclass(frozen=True)
class Verified:
    """One thing of a workspace, and whether its files are those that were written.

    Attributes:
        name: the path in the workspace, such as `runs/a`.
        state: `ok`, `damaged`, `no seal` (an older version wrote it without checksums), or
            `unfinished` (a run that was interrupted).
        problems: a sentence for every file that is absent or has changed.
    """

    name: str
    state: str
    problems: tuple[str, ...] = ()


def verified(
    workspace: Workspace, path: Path, problems: Sequence[str] = (), otherwise: str = OK
) -> Verified:
    """Return the result for one path: damaged if there are problems."""
    return Verified(_name(workspace, path), DAMAGED if problems else otherwise, tuple(problems))


def _name(workspace: Workspace, path: Path) -> str:
    """Return the path in the workspace, or the whole path outside it."""
    inside = path.is_relative_to(workspace.root)
    return str(path.relative_to(workspace.root) if inside else path)
