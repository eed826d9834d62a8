"""Every row of a manifest becomes a text to encode."""

import pandas as pd

from medusa.console import say
from medusa.errors import listed
from medusa.extract.inputs.utterances import LEFT_OUT, Utterance
from medusa.manifests import Manifest, texts
from medusa.workspace import Workspace

CHARACTERS_PER_S = 200.0  # a token has about 4 characters, and costs about one frame of 20 ms


def text_utterances(corpus: Manifest, workspace: Workspace, source: str | None) -> list[Utterance]:
    """Return the rows as texts; the digest of a text is its content.

    Args:
        corpus: the rows.
        workspace: the workspace of the transcripts.
        source: the source of the texts; see `medusa.manifests.texts.texts_of`.

    Raises:
        DataError: no row has a text, or rows with audio have no transcript.
    """
    name, by_id = texts.texts_of(corpus, workspace.transcripts, source)
    by_id = _possible_texts(by_id, corpus, name)
    texts.require_texts(by_id, name)
    return [
        Utterance(str(row), texts.content_of(text), text, len(text) / CHARACTERS_PER_S)
        for row, text in by_id.items()
    ]


def _possible_texts(by_id: "pd.Series[str]", manifest: Manifest, source: str) -> "pd.Series[str]":
    """Return the texts, by id, without the missing texts that no transcription would add.

    These are the blank texts of the manifest, and the texts of rows without audio. A message names
    them. If no row has a text, all are kept, and `require_texts` refuses them.
    """
    without = by_id.isna().to_numpy()
    why = ""
    if source != texts.MANIFEST:
        without = without & manifest.frame["content"].isna().to_numpy()
        why = "no audio and so "
    if not without.any() or by_id.isna().all():
        return by_id
    say(
        f"{without.sum()} of {len(by_id)} rows have {why}no text in {source!r}: "
        f"{listed(by_id.index[without])}; {LEFT_OUT}"
    )
    return by_id[~without]
