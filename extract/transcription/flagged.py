"""The stored transcripts that carry a flag, for a reader who decides what to do with them."""

from typing import Any

from medusa.errors import ConfigError, DataError, nearest
from medusa.manifests.texts import read_transcripts, sources
from medusa.workspace import Workspace

FLAGS = ("empty", "looping", "low-confidence", "no-speech", "too-fast", "language")
ALL = "all"


def flagged_transcripts(
    workspace: Workspace, flag: str, name: str | None = None
) -> list[dict[str, Any]]:
    """Return the transcripts with a flag.

    Args:
        workspace: with at least one table of transcripts.
        flag: one of the flags, or `all` for any of them.
        name: the name of the table; by default the only table.

    Returns:
        For each transcript its `id`, `flags` (joined by commas), `language`, `text`, and the
        decoder's `avg_logprob`, `no_speech_prob` and `compression_ratio`.

    Raises:
        ConfigError: there is no such flag.
        DataError: there is no such table, or there are several and none is named.
    """
    if flag not in (ALL, *FLAGS):
        known = (*FLAGS, ALL)
        raise ConfigError(f"--show {flag!r}{nearest(flag, known)}: one of {', '.join(known)}")
    frame = read_transcripts(workspace.transcripts / f"{name or _only(workspace)}.parquet")
    found = frame[[bool(len(flags)) and flag in (ALL, *flags) for flags in frame["flags"]]]
    shown = found.drop(columns="content").assign(flags=found["flags"].map(", ".join))
    return [{str(key): value for key, value in row.items()} for row in shown.to_dict("records")]


def _only(workspace: Workspace) -> str:
    names = sources(workspace.transcripts)
    if len(names) != 1:
        have = f"there are {', '.join(names)}; choose one with --name" if names else "there is none"
        raise DataError(
            f"{workspace.transcripts}: expected one table of transcripts; {have}; make one with "
            "`medusa transcribe`"
        )
    return names[0]
