"""An import counts the rows that it found, kept and dropped, with the reasons.

The counts are printed as a sentence and as a table, and they are kept in the manifest.
"""

from collections.abc import Sequence, Sized
from dataclasses import dataclass, field
from typing import Any

from medusa.errors import listed


@dataclass
class Line:
    """The counts of one kind of item.

    Attributes:
        kind: rows, votes, transcripts or recordings.
        found: the number that was found.
        dropped: the number that was left out, by reason.
        note: the place where they were found, or another fact about them.
    """

    kind: str
    found: int
    dropped: dict[str, int] = field(default_factory=dict)
    note: str = ""

    @property
    def kept(self) -> int:
        """The number that the manifest contains."""
        return self.found - sum(self.dropped.values())

    def drop(self, reason: str, count: int) -> None:
        """Add to the number that was left out for a reason; a count of 0 changes nothing."""
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + int(count)

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON values."""
        counts = {"found": self.found, "kept": self.kept, "dropped": self.dropped}
        return {"kind": self.kind, **counts, "note": self.note}


def total(lines: Sequence[Line]) -> Line:
    """Return the sum of the counts of recordings in several folders."""
    whole = Line("recordings", sum(line.found for line in lines))
    for line in lines:
        for reason, count in line.dropped.items():
            whole.drop(reason, count)
    return whole


def rows_and_files(rows: Sized, files: Line) -> list[dict[str, object]]:
    """Return the counts of an import that takes every row and looks for the recordings."""
    lines = [Line("utterances", len(rows)), *([files] if files.found else [])]
    return [line.to_dict() for line in lines]


def sentence(lines: Sequence[dict[str, Any]]) -> str:
    """Return the counts as one sentence, with the reasons."""
    parts = []
    for line in lines:
        why = listed((f"{count} {reason}" for reason, count in line["dropped"].items()), 20)
        part = f"{line['kept']} of {line['found']} {line['kind']}"
        parts.append(f"{part} (left out: {why})" if why else part)
    return f"took {', '.join(parts)}"


def table_rows(lines: Sequence[dict[str, object]]) -> tuple[list[str], list[Sequence[object]]]:
    """Return the header and the rows of the table: a row per kind, with the reasons."""
    rows: list[Sequence[object]] = []
    for line in lines:
        dropped = line["dropped"] if isinstance(line["dropped"], dict) else {}
        why = "; ".join(f"{count} {reason}" for reason, count in dropped.items())
        cells = [line["kind"], line["found"], line["kept"], sum(dropped.values())]
        rows.append([*cells, "; ".join(part for part in (why, str(line["note"])) if part)])
    return ["", "found", "kept", "dropped", "reasons and notes"], rows
