"""`medusa extract` has one job for each backbone; all are checked before the first job begins."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medusa.cache import FeatureSpec
from medusa.extract.backbones import describe, load
from medusa.extract.encoders import (
    Backbone,
    BackboneEncoder,
    compile_encoder,
    parse_layers,
    variant,
)
from medusa.extract.extraction_options import ExtractionOptions
from medusa.extract.inputs import Utterance, audio_utterances
from medusa.manifests import Manifest
from medusa.workspace import Workspace, checked_name


@dataclass(frozen=True)
class ExtractionJob:
    """Utterances to encode with one backbone into one store.

    Attributes:
        backbone, spec: the encoder, and the identity of its features.
        store: the folder of the features.
        utterances: all utterances that the store should contain. Those in a further folder of
            features are left out.
        compiled: whether `torch.compile` makes the encoder's kernels.
    """

    backbone: Backbone
    spec: FeatureSpec
    store: Path
    utterances: Sequence[Utterance]
    compiled: bool = False

    def load(self, device: str) -> BackboneEncoder:
        """Read the weights onto a device."""
        encoder = load(self.backbone, self.spec.layers, device)
        if self.compiled:
            compile_encoder(encoder)
        return encoder


def plan_jobs(
    workspace: Workspace,
    names: Sequence[str],
    options: ExtractionOptions,
    precision: str = "fp32",
) -> list[ExtractionJob]:
    """Return one job for each backbone, without loading weights.

    Args:
        workspace: a workspace with a manifest.
        names: the backbones.
        options: the choice of the features and of the utterances.
        precision: the precision on the device, `fp32`, `bf16` or `fp16`.

    Raises:
        MedusaError: any mistake that can be found before the first job begins.
    """
    corpus = Manifest.read(workspace.manifest)
    if options.splits:
        corpus = corpus.split(*options.splits)
    backbones = [
        variant(
            describe(name, options.checkpoint or workspace.checkpoint(name), options.revision),
            **options.variants(precision),
        )
        for name in dict.fromkeys(names)
    ]
    if options.label:
        backbones = [replace(one, name=checked_name("--as", options.label)) for one in backbones]
    jobs = []
    by_input: dict[str, Sequence[Utterance]] = {}
    for one in backbones:
        kept = parse_layers(options.layers or one.default_layers, one.n_layers)
        spec = one.spec(kept, options.reduce, options.dtype)
        if one.input not in by_input:
            by_input[one.input] = utterances_for(one.input, corpus, workspace, options.text)
        wanted = by_input[one.input]
        if workspace.also_features and not (options.force or options.transcribe):
            from medusa.extract.planning.elsewhere import absent_elsewhere

            wanted = absent_elsewhere(wanted, spec, workspace)
        store = workspace.features / spec.folder
        jobs.append(ExtractionJob(one, spec, store, wanted, options.compile))
    return jobs


def utterances_for(
    kind: str, corpus: Manifest, workspace: Workspace, text: str | None = None
) -> list[Utterance]:
    """Return the utterances for a backbone with this input, `audio` or `text`."""
    if kind == "audio":
        return audio_utterances(corpus)
    from medusa.extract.inputs.text_utterances import text_utterances

    return text_utterances(corpus, workspace, text)
