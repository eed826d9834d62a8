"""The columns of a table that an import does not read, and those that may name the speakers."""

import re
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from medusa.errors import listed

SPEAKER = re.compile(r"spk|speak|actor|talker|subject|participant|person|performer|voice", re.I)
UNUSED, MAY_BE_SPEAKERS = "unused_columns", "may_be_speakers"


def unused_columns(table: pd.DataFrame, used: Collection[str], speaker: bool) -> dict[str, Any]:
    """Return the facts about unused columns that the manifest's provenance keeps.

    Args:
        table: every cell as text.
        used: the columns that the import reads.
        speaker: whether one of them names the speakers.
    """
    unused = [str(name) for name in table.columns if name not in used]
    repeated = [name for name in unused if not speaker and may_name_speakers(table[name])]
    suspects = [name for name in repeated if SPEAKER.search(name)] or repeated
    found = {UNUSED: unused, MAY_BE_SPEAKERS: suspects}
    return {key: names for key, names in found.items() if names}


def may_name_speakers(column: "pd.Series[str]") -> bool:
    """Return whether the values repeat as those of speakers do, or the title names a person."""
    values = column.str.strip()
    values = values[values != ""]
    if SPEAKER.search(str(column.name)):
        return bool(len(values))
    measured = values.str.fullmatch(r"[-+]?\d*\.\d*").any()  # Codes of speakers may be numbers.
    return not measured and 2 <= values.nunique() <= len(values) / 2


def sentences(provenance: Mapping[str, Any]) -> list[str]:
    """Return messages about the columns that were not used."""
    unused, suspects = provenance.get(UNUSED, []), provenance.get(MAY_BE_SPEAKERS, [])
    if not unused:
        return []
    lines = [f"columns not used: {listed(unused, 12)}"]
    if suspects:
        lines.append(f"{suspects[0]}: is it the speaker? Then import again with {remedy(suspects)}")
    return lines


def remedy(suspects: list[str]) -> str:
    """Return the options that read the first of these columns as the speaker."""
    return f"--columns speaker={suspects[0]} --force"
