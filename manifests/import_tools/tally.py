"""An import counts the rows that it found, kept and dropped, with the reasons.

The counts are printed as a table, and they are kept in the manifest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


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


def table_rows(lines: Sequence[dict[str, object]]) -> tuple[list[str], list[Sequence[object]]]:
    """Return the header and the rows of the table: a row per kind, with the reasons."""
    rows: list[Sequence[object]] = []
    for line in lines:
        dropped = line["dropped"] if isinstance(line["dropped"], dict) else {}
        why = "; ".join(f"{count} {reason}" for reason, count in dropped.items())
        cells = [line["kind"], line["found"], line["kept"], sum(dropped.values())]
        rows.append([*cells, "; ".join(part for part in (why, str(line["note"])) if part)])
    return ["", "found", "kept", "dropped", "reasons and notes"], rows
