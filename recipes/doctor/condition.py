"""The condition of one part of the machine or of the workspace."""

from dataclasses import dataclass

GOOD, NOTE, BAD = "ok", "note", "problem"


@dataclass(frozen=True)
class Condition:
    """The condition of one part.

    Attributes:
        part: its name, such as `torch`.
        state: `ok`; `note`, if something could be better; or `problem`, if commands will fail.
        found: the facts.
        advice: the remedy; empty if nothing is to be done.
    """

    part: str
    state: str
    found: str
    advice: str = ""
