"""The bytes of some layers of a backbone for a whole corpus."""

from dataclasses import replace

from medusa.extract.backbones import reads_text
from medusa.extract.extraction_options import ExtractionOptions
from medusa.extract.planning.estimate import corpus_of, estimate_of
from medusa.workspace import Workspace


def bytes_of_layers(
    workspace: Workspace, backbone: str, options: ExtractionOptions, layers: str
) -> int:
    """Return the bytes of these layers, kept apart, for all utterances of a workspace."""
    reading = reads_text(backbone, options.checkpoint)
    corpus = corpus_of(workspace, options.text, None, None, reading)
    return estimate_of(corpus, backbone, replace(options, layers=layers, reduce="none")).bytes
