"""A model is loaded from a bundle, after every file in it was compared with its checksum."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from medusa.errors import RunError
from medusa.foreign import foreign
from medusa.inference.bundle.layout import digest_of_bundle, require_intact
from medusa.inference.bundle.record import parts_of_bundle
from medusa.inference.model import Model
from medusa.inference.parts import ModelFeature, ModelMember

MOST_LAYERS = 1000


def load_bundle(
    folder: Path, device: str, checkpoints: Mapping[str, str], known: Mapping[str, str]
) -> Model:
    """Load a bundle; for `folder`, `device` and `checkpoints` see `inference.load.load`.

    `known` has further places of weights, such as those that `medusa.yaml` names. They are used for
    weights that were a local file of the sender and that `checkpoints` does not name.

    The checksums find damage. They are no signature: whoever changes a bundle on purpose can
    write new ones. Compare `card["bundle"]` with the digest that the sender names.

    Raises:
        RunError: a file has changed, is missing or was added; or the content is no model.
    """
    with foreign(
        RunError, lambda reason: f"{folder}: this bundle is no model ({reason}); make it again"
    ):
        require_intact(folder)
        parts = parts_of_bundle(folder)
        classes = [tuple(one.run.config()["classes"]) for one in (parts.root, *parts.root.heads())]
        if any(one != parts.scheme.classes for one in classes):
            raise ValueError("its members have other classes than its record")
        _require_few_layers(parts.root)
        features = tuple(_with_source(one, checkpoints, known) for one in parts.features)
        if parts.text and parts.text.checkpoint == "local" and "whisper" in known:
            checkpoints = {"transcriber": known["whisper"], **checkpoints}
        card = parts.card | {"bundle": digest_of_bundle(folder)}
        return Model(replace(parts, features=features, card=card), device, checkpoints)


def _with_source(
    feature: ModelFeature, checkpoints: Mapping[str, str], known: Mapping[str, str]
) -> ModelFeature:
    """Return a feature with the present source of its weights."""
    name = feature.spec.backbone
    source = checkpoints.get(name) or ("" if feature.source else known.get(name, ""))
    return replace(feature, source=source, revision=None) if source else feature


def _require_few_layers(root: ModelMember) -> None:
    """Raise if a head has more layers than a network can have.

    Raises:
        ValueError: a number of layers is too large. `StoredHead.build` checks all other sizes.
    """
    for member in root.heads():
        layers = member.run.config()["head"]["layers"]
        if type(layers) is not int or layers > MOST_LAYERS:
            raise ValueError(f"a head has {layers!r} layers")
