"""What `medusa extract` has to do: one job for each backbone, checked before any of them begins."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medusa.cache import FeatureSpec
from medusa.errors import ConfigError
from medusa.extract.backbones import describe, family
from medusa.extract.encoders import (
    Backbone,
    BackboneEncoder,
    compile_encoder,
    parse_layers,
    variant,
)
from medusa.extract.inputs import Utterance
from medusa.extract.inputs.utterances import audio_utterances, possible_texts, text_utterances
from medusa.manifests import Manifest, texts
from medusa.workspace import Workspace


@dataclass(frozen=True)
class ExtractionJob:
    """Utterances to encode with one backbone into one store.

    Attributes:
        backbone, spec: what to compute, and the identity of the result.
        store: the folder that holds the result.
        utterances: all that the store is to hold.
        compiled: whether `torch.compile` is to make the encoder's kernels.
    """

    backbone: Backbone
    spec: FeatureSpec
    store: Path
    utterances: Sequence[Utterance]
    compiled: bool = False

    def load(self, device: str) -> BackboneEncoder:
        """Read the weights."""
        encoder = family(self.backbone.family).load(self.backbone, self.spec.layers, device)
        if self.compiled:
            compile_encoder(encoder)
        return encoder


def plan_jobs(
    workspace: Workspace,
    names: Sequence[str],
    checkpoint: str | None = None,
    revision: str | None = None,
    layers: str | None = None,
    reduce: str = "sum",
    dtype: str | None = None,
    text: str | None = None,
    splits: Sequence[str] = (),
    label: str | None = None,
    compiled: bool = False,
    **variants: Any,
) -> list[ExtractionJob]:
    """Return one job for each backbone, without loading weights.

    Args:
        workspace: with a manifest.
        names: the backbones.
        checkpoint, revision: in place of the default of the backbone.
        layers: as `parse_layers` takes it; by default the backbone's own choice.
        reduce: `none`, `sum` or `mean` of several layers.
        dtype: the dtype of the stored numbers; by default the backbone's own choice.
        text: which texts the text backbones read; see `medusa.manifests.texts.texts_of`.
        splits: only these splits; all rows by default.
        label: another name for the one backbone.
        compiled: let `torch.compile` make the encoders' kernels.
        variants: other choices that change the features; see `variants.variant`.

    Raises:
        MedusaError: anything that can be known to fail before the first job begins.
    """
    corpus = Manifest.read(workspace.manifest)
    if splits:
        corpus = corpus.split(*splits)
    backbones = [
        variant(describe(name, checkpoint, revision), **variants) for name in dict.fromkeys(names)
    ]
    if label:
        backbones = [replace(one, name=_checked(label)) for one in backbones]
    jobs = []
    by_input: dict[str, Sequence[Utterance]] = {}
    for one in backbones:
        kept = parse_layers(layers or one.default_layers, one.n_layers)
        spec = one.spec(kept, reduce, dtype)
        if one.input not in by_input:
            by_input[one.input] = utterances_for(one.input, corpus, workspace, text)
        store = workspace.features / spec.folder
        jobs.append(ExtractionJob(one, spec, store, by_input[one.input], compiled))
    return jobs


def _checked(label: str) -> str:
    """Return a name for a backbone that can be part of a folder's name and of a comma list."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", label):
        raise ConfigError(f"--as {label!r}: expected letters, digits, dots, dashes, underscores")
    return label


def utterances_for(
    kind: str, corpus: Manifest, workspace: Workspace, text: str | None = None
) -> list[Utterance]:
    """Return the utterances that a backbone with this input (`audio` or `text`) has to encode."""
    if kind == "audio":
        return audio_utterances(corpus)
    source, by_id = texts.texts_of(corpus, workspace.transcripts, text)
    by_id = possible_texts(by_id, corpus, source)
    texts.require_texts(by_id, source)
    return text_utterances(by_id)
