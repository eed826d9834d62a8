"""A digest of the texts that a head reads: other transcripts make another run."""

from hashlib import sha256
from pathlib import Path

import pandas as pd

from medusa.manifests import Manifest
from medusa.manifests.texts import content_of, texts_of


def texts_digest(contents: "pd.Series[str]") -> str:
    """Return 16 hex digits of the texts' contents by id, whatever the order of the ids."""
    lines = "\n".join(f"{name}\t{content}" for name, content in sorted(contents.items()))
    return sha256(lines.encode()).hexdigest()[:16]


def current_texts_digest(manifest: Manifest, transcripts: Path, source: str) -> str:
    """Return the digest that a head's record would have today for a table of transcripts.

    Raises:
        DataError: there is no such table.
    """
    _, texts = texts_of(manifest, transcripts, source)
    return texts_digest(texts.dropna().map(content_of))
