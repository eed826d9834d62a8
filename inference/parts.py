"""The record of a trained model: everything that a prediction needs, wherever it is stored.

`from_workspace.parts_of_run` fills it from a run of a workspace. `bundle.record.parts_of_bundle`
fills it from a bundle: the folder of each member needs `config.yaml` and `weights.safetensors`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.cache import FeatureSpec
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import LabelScheme
from medusa.manifests.texts import MANIFEST


@dataclass(frozen=True)
class ModelFeature:
    """The features of one frozen backbone.

    Attributes:
        spec: the identity of the features.
        source: the folder, the file or the hub id of the backbone's weights; empty if unknown.
        revision: the commit of a hub id.
        channels: of int8 features, the mean and deviation of each array's channels, (2, D).
    """

    spec: FeatureSpec
    source: str
    revision: str | None = None
    channels: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)


@dataclass(frozen=True)
class TextSource:
    """The texts that the members of a model read.

    Attributes:
        name: the table of transcripts on which the members were trained, or `manifest`.
        whisper: the name or the file of the Whisper model; empty if it is unknown.
        checkpoint, revision: the identity of the Whisper model, as in `FeatureSpec`.
        options: the recorded options of the decoding: `language`, `max_tokens`, `prompt`, `beam`,
            `precision` and `flagged`. The value None is the default.
    """

    name: str
    whisper: str = ""
    checkpoint: str = ""
    revision: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def is_given(self) -> bool:
        """Whether the members were trained on the corpus's own texts, and not on transcripts."""
        return self.name == MANIFEST


@dataclass(frozen=True)
class ModelMember:
    """A head, or a stack with its members.

    Attributes:
        run: the folder with `config.yaml` and `weights.safetensors`.
        with_attributes: whether a head has learnt the attributes.
        members: the members of a stack, in its order; a head has none.
    """

    run: RunDir
    with_attributes: bool = False
    members: "tuple[ModelMember, ...]" = ()

    def heads(self) -> "Iterator[ModelMember]":
        """Yield the heads of this member and of all members below it."""
        if not self.members:
            yield self
        for member in self.members:
            yield from member.heads()


@dataclass(frozen=True)
class ModelParts:
    """A trained model.

    Attributes:
        root: the head or the stack that predicts.
        scheme: the C classes, in the order of the posteriors.
        features: the features that the heads read, each once.
        text: the texts that they read, None without a text backbone.
        card: plain facts about the model: its members, its backbones, and its scores.
    """

    root: ModelMember
    scheme: LabelScheme
    features: tuple[ModelFeature, ...]
    text: TextSource | None
    card: dict[str, Any]
