"""Options such as `--columns id=Clip,label=Emotion` are read as pairs."""

from medusa.errors import ManifestError


def pairs(text: str, form: str, may_be_empty: bool = False) -> dict[str, str]:
    """Return the values by name of a list NAME=VALUE,NAME=VALUE.

    Args:
        text: the list; empty text has no pairs.
        form: the form of the list, for messages.
        may_be_empty: allow pairs without a value.

    Raises:
        ManifestError: a pair lacks its name, its value or the equals sign, or a name comes twice.
    """
    parts = [part.partition("=") for part in text.split(",") if part.strip()]
    found = {name.strip(): value.strip() for name, _, value in parts}
    is_whole = all(equals for _, equals, _ in parts) and "" not in found
    if not is_whole or len(found) < len(parts) or ("" in found.values() and not may_be_empty):
        raise ManifestError(f"expected {form} with each name once, and got {text!r}")
    return found
