"""The user can mend every error of these kinds; three functions give words for the messages."""

import difflib
from collections.abc import Iterable

LONGEST_NAME = 100  # Comparing longer names with the known ones takes seconds.
LONGEST_ITEM = 400  # An item of a list is a name or one sentence.


class MedusaError(Exception):
    """An error whose message names the file or row, the expectation and the remedy.

    `cli.py` prints the message without a traceback and exits with 1.
    """


class ManifestError(MedusaError):
    """A manifest, a corpus or its labels are missing, malformed, or lack what a command needs."""


class AudioError(MedusaError):
    """A recording is missing, unreadable, truncated, or shorter than its segment.

    Attributes:
        kind: the kind of fault, in one word: missing, unreadable, truncated or outside.
    """

    def __init__(self, message: str, kind: str = "unreadable") -> None:
        super().__init__(message)
        self.kind = kind


class DataError(MedusaError):
    """Features or texts of some utterances are missing, or they belong to something else."""


class StoreError(MedusaError):
    """A feature store or an export of one is missing, damaged, or not the expected one."""


class WriteError(StoreError):
    """A store refuses the features of one utterance; the next utterance may be accepted."""


class CheckpointError(MedusaError):
    """A backbone or its checkpoint cannot be found, is damaged, or does not fit."""


class ConfigError(MedusaError):
    """A setting, an option or a recipe has unknown keys or impossible values."""


class RunError(MedusaError):
    """A run or its predictions are missing, unfinished, or do not fit other runs or a manifest."""


class DeviceError(MedusaError):
    """This machine lacks the device, or a single utterance does not fit into its memory."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `" (did you mean 'x'?)"` for the known name closest to `name`, or an empty string."""
    close = difflib.get_close_matches(name[:LONGEST_NAME], list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def listed(items: Iterable[object], most: int = 5) -> str:
    """Join the first `most` items with commas, and add the number of the other items.

    Long items are cut: a name from a stranger's file may have any length.
    """
    everything = [str(item) for item in items]
    cut = [
        item if len(item) <= LONGEST_ITEM else f"{item[:LONGEST_ITEM]}..."
        for item in everything[:most]
    ]
    more = f" and {len(everything) - most} more" if len(everything) > most else ""
    return ", ".join(cut) + more


def plural(number: int, one: str) -> str:
    """Return a number with its noun and verb: `"row has"` gives `"1 row has"`, `"2 rows have"`."""
    noun, *rest = one.split(" ")
    if number != 1:
        noun += "es" if noun.endswith("s") else "s"
        rest = [VERBS.get(word, word) for word in rest]
    return " ".join([f"{number}", noun, *rest])


VERBS = {"has": "have", "is": "are", "does": "do", "comes": "come"}
