"""What `medusa extract` has to do: one job per backbone, checked before the first one begins."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medusa.cache import FeatureSpec
from medusa.errors import MedusaError
from medusa.extract.backbones import describe, family
from medusa.extract.encoders.encoder import Backbone, Encoder, compile_encoder
from medusa.extract.encoders.layers import parse_layers
from medusa.extract.encoders.variants import variant
from medusa.extract.inputs import utterances as sources
from medusa.extract.inputs.batches import Utterance
from medusa.manifests import Manifest, texts
from medusa.workspace import Workspace


class LabelError(MedusaError):
    """A name that a backbone cannot have."""


@dataclass(frozen=True)
class Job:
    """Utterances to encode with one backbone into one store.

    Attributes:
        backbone, spec: what to compute, and the identity of the result.
        store: where to.
        utterances: all that the store is to hold.
        compiled: whether `torch.compile` is to make the encoder's kernels.
    """

    backbone: Backbone
    spec: FeatureSpec
    store: Path
    utterances: Sequence[Utterance]
    compiled: bool = False

    def load(self, device: str) -> Encoder:
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
) -> list[Job]:
    """Find out what is asked, without loading weights.

    Args:
        workspace: with a manifest.
        names: the backbones.
        checkpoint, revision: in place of the default of the backbone.
        layers: as `parse_layers` takes it; by default the backbone's own choice.
        reduce: `none`, `sum` or `mean` of several layers.
        dtype: of the stored numbers; by default the backbone's own choice.
        text: what text backbones read; see `medusa.manifests.texts.texts_of`.
        splits: only these splits; all rows by default.
        label: what to call the one backbone from now on, in place of its name.
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
    found: dict[str, Sequence[Utterance]] = {}
    for one in backbones:
        kept = parse_layers(layers or one.default_layers, one.n_layers)
        spec = one.spec(kept, reduce, dtype)
        if one.input not in found:
            found[one.input] = utterances(one.input, corpus, workspace, text)
        store = workspace.features / spec.folder
        jobs.append(Job(one, spec, store, found[one.input], compiled))
    return jobs


def _checked(label: str) -> str:
    """Return a name for a backbone that can be part of a folder's name and of a comma list."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", label):
        raise LabelError(f"--as {label!r}: expected letters, digits, dots, dashes, underscores")
    return label


def utterances(
    kind: str, corpus: Manifest, workspace: Workspace, text: str | None = None
) -> list[Utterance]:
    """Return what a backbone with this input (`audio` or `text`) has to encode."""
    if kind == "audio":
        return sources.heard(corpus)
    source, said = texts.texts_of(corpus, workspace.transcripts, text)
    said = sources.sayable(said, corpus, source)
    texts.require_texts(said, source)
    return sources.read(said)
