"""What an import found, kept and dropped, and why: printed as a table, kept in the manifest."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Line:
    """One kind of thing that was read: how many there were, and how many were dropped, by reason.

    Attributes:
        what: rows, votes, transcripts, recordings.
        found: how many there were.
        dropped: how many were left out, by reason.
        note: where they were, or what else there is to know.
    """

    what: str
    found: int
    dropped: dict[str, int] = field(default_factory=dict)
    note: str = ""

    @property
    def kept(self) -> int:
        """How many came into the manifest."""
        return self.found - sum(self.dropped.values())

    def drop(self, reason: str, count: int) -> None:
        """Count what was left out for a reason; nothing where the count is 0."""
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + int(count)

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON values."""
        counts = {"found": self.found, "kept": self.kept, "dropped": self.dropped}
        return {"what": self.what, **counts, "note": self.note}


def table_rows(lines: Sequence[dict[str, object]]) -> tuple[list[str], list[Sequence[object]]]:
    """Return the header and rows of the table: a row per kind, with its reasons beside it."""
    rows: list[Sequence[object]] = []
    for line in lines:
        dropped = line["dropped"] if isinstance(line["dropped"], dict) else {}
        why = "; ".join(f"{count} {reason}" for reason, count in dropped.items())
        cells = [line["what"], line["found"], line["kept"], sum(dropped.values())]
        rows.append([*cells, "; ".join(part for part in (why, str(line["note"])) if part)])
    return ["", "found", "kept", "dropped", "why, and where"], rows
