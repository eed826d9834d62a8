"""The base class of all errors that the user can mend, and words for their messages."""

import difflib
from collections.abc import Iterable


class MedusaError(Exception):
    """An error whose message names the file or row, the expectation and the remedy.

    `cli.py` prints the message without a traceback and exits with 1.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `" (did you mean 'x'?)"` for the known name closest to `name`, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def listed(items: Iterable[object], most: int = 5) -> str:
    """Join the first `most` items with commas and say how many were left out."""
    everything = [str(item) for item in items]
    more = f" and {len(everything) - most} more" if len(everything) > most else ""
    return ", ".join(everything[:most]) + more


def plural(number: int, one: str) -> str:
    """Return a number with its noun and verb, given for one: `"1 row has"` or `"2 rows have"`."""
    noun, *rest = one.split(" ")
    if number != 1:
        noun += "es" if noun.endswith("s") else "s"
        rest = [VERBS.get(word, word) for word in rest]
    return " ".join([f"{number}", noun, *rest])


VERBS = {"has": "have", "is": "are", "does": "do", "comes": "come"}
