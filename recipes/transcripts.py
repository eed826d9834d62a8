"""Make the transcripts that a recipe's text features need."""

from collections.abc import Iterable, Mapping
from typing import Any

from medusa.console import say
from medusa.errors import MedusaError
from medusa.extract.transcription.transcribe import transcribe
from medusa.extract.transcription.transcription_options import TranscriptionOptions
from medusa.manifests import Manifest
from medusa.manifests.texts import sources
from medusa.recipes.features import is_of_text
from medusa.workspace import Workspace


def make_transcripts(
    workspace: Workspace,
    manifest: Manifest,
    backbones: Iterable[str],
    text: str | None,
    where: Mapping[str, Any],
) -> None:
    """Transcribe the corpus if a backbone reads text and the workspace has none for all rows.

    Args:
        workspace, manifest: the workspace and its corpus.
        backbones: the backbones whose features are missing.
        text: the source of the texts; if it is given, nothing is transcribed.
        where: the devices, of which the first one transcribes, or a cluster; see
            `medusa.device.computers`.
    """
    complete = manifest.frame["text"].notna().all() or bool(sources(workspace.transcripts))
    if complete or text is not None or not any(map(is_of_text, backbones)):
        return
    chosen = dict(where)
    if "device" in chosen:
        chosen["device"] = chosen["device"].partition(",")[0]
    try:
        transcribe(workspace, options=TranscriptionOptions(**chosen))
    except MedusaError as problem:
        say(f"transcripts: {problem}")
