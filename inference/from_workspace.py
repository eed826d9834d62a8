"""The parts of a model are collected from a finished run of a workspace."""

from pathlib import Path
from typing import Any

from medusa.cache import FeatureStore
from medusa.cache.info import by_digest
from medusa.cache.quantise import read_channels
from medusa.ensemble.apply import members_of
from medusa.errors import DataError, RunError, listed
from medusa.extract.planning.origin import weights_of
from medusa.foreign import foreign
from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.inference.parts import ModelFeature, ModelMember, ModelParts, TextSource
from medusa.manifests import LabelScheme
from medusa.manifests.texts import read_record
from medusa.workspace import Workspace


def parts_of_run(run: RunDir, workspace: Workspace) -> ModelParts:
    """Collect the parts of a finished run.

    Args:
        run: a head or a stack.
        workspace: the workspace of its feature stores and transcripts.

    Raises:
        RunError: a run is not finished, was replaced or lacks settings, or its heads read different
            texts or normalise speakers.
        DataError: a feature store is missing, which records the place of a backbone's weights.
    """
    sentence, remedy = f"{run.path}: this run is no model", "make the run again with --force"
    with foreign(RunError, lambda reason: f"{sentence} ({reason}); {remedy}"):
        root = _member(run)
        heads = [head.run.config() for head in root.heads()]
        _refuse_normalised_speakers(root)
        wanted = {one["spec"]: one["backbone"] for head in heads for one in head["features"]}
        classes = tuple(run.config()["classes"])
        features = _features(wanted, workspace)
        card, text = _card(root, classes, features), _text(heads, workspace)
    return ModelParts(root, LabelScheme(run.name, classes), features, text, card)


def _refuse_normalised_speakers(root: ModelMember) -> None:
    """Refuse heads that need other utterances of each speaker.

    Raises:
        RunError: with the names of the heads.
    """
    normalising = [
        head.run.name
        for head in root.heads()
        if head.run.config()["head"].get("normalise_speakers")
    ]
    if normalising:
        raise RunError(
            f"{listed(normalising)}: a head with head.normalise_speakers=true needs all utterances "
            "of a speaker, and a new recording has no known speaker; import the recordings with "
            "their speakers into another workspace and use `medusa evaluate --on`, or train with "
            "--set head.normalise_speakers=false"
        )


def _member(run: RunDir) -> ModelMember:
    """Return a run with the runs on which it was fitted."""
    predictions = run.predictions()
    if run.config().get("kind") != "stack":
        return ModelMember(run, predictions.attributes() is not None)
    return ModelMember(run, members=tuple(_member(one) for one in members_of(run)))


def _features(wanted: dict[str, str], workspace: Workspace) -> tuple[ModelFeature, ...]:
    """Return the features of these specifications, with the place of each backbone's weights."""
    stores, damaged = by_digest(*workspace.feature_folders)
    if absent := [f"{name}-{spec[:8]}" for spec, name in wanted.items() if spec not in stores]:
        others = f" ({listed(damaged)})" if damaged else ""
        raise DataError(
            f"{workspace.features}: expected the stores that the model was trained on, found no "
            f"{listed(absent)}{others}; they record the weights of the backbones; extract them "
            "again"
        )
    return tuple(_feature(stores[spec], workspace) for spec in wanted)


def _feature(store: FeatureStore, workspace: Workspace) -> ModelFeature:
    """Return a feature with the place of its backbone's weights."""
    source, revision = weights_of(store.path, store.spec)
    if store.spec.checkpoint == "local":
        source = _moved(source, workspace, store.spec.backbone)
    channels = read_channels(store.path, store.spec) if store.spec.dtype == "int8" else {}
    return ModelFeature(store.spec, source, revision, channels)


def _moved(source: str, workspace: Workspace, backbone: str) -> str:
    """Return where local weights are: if they have moved, `medusa.yaml` may name the new place."""
    return source if Path(source).exists() else workspace.checkpoint(backbone) or source


def _text(heads: list[dict[str, Any]], workspace: Workspace) -> TextSource | None:
    """Return the texts that all heads with a text backbone read."""
    names = sorted({head["text"] for head in heads if head.get("text")})
    if len(names) > 1:
        raise RunError(
            f"the heads read different texts: {listed(names)}; expected one source; train them on "
            "the same texts with --text"
        )
    if not names:
        return None
    path = workspace.transcripts / f"{names[0]}.json"
    if TextSource(names[0]).is_given or not path.exists():
        return TextSource(names[0])
    made = read_record(path)
    known = [str(made.pop(key, None) or "") for key in ("source", "checkpoint", "revision")]
    source, checkpoint, revision = known
    if checkpoint == "local":
        source = _moved(source, workspace, "whisper")
    return TextSource(names[0], source, checkpoint, revision, made)


def _card(
    root: ModelMember, classes: tuple[str, ...], features: tuple[ModelFeature, ...]
) -> dict[str, Any]:
    """Return plain facts about the model."""
    config = root.run.config()
    return {
        "name": root.run.name,
        "kind": config.get("kind"),
        "digest": root.run.digest(),
        "classes": list(classes),
        "method": config.get("method"),
        "members": [head.run.name for head in root.heads()],
        "attributes": any(head.with_attributes for head in root.heads()),
        "backbones": [
            {
                "name": one.spec.backbone,
                "input": one.spec.input,
                "checkpoint": one.spec.checkpoint,
                "revision": one.spec.revision,
                "layers": list(one.spec.layers),
            }
            for one in features
        ],
        "manifest": config.get("manifest"),
        "summary": root.run.read_json(SUMMARY),
    }
