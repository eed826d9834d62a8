"""Plain facts about a model: its members, its backbones, its data and its scores."""

from typing import TYPE_CHECKING, Any

from medusa.console import say
from medusa.errors import MedusaError
from medusa.inference.bundle.licences import licence_of
from medusa.inference.parts import ModelFeature, ModelParts
from medusa.manifests import Manifest
from medusa.reports.judged_run import judge_run
from medusa.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

SCORES = (
    *("split", "n", "blocks", "unpredicted", "macro_f1", "uar", "accuracy", "interval"),
    *("baselines", "majority_class", "per_class", "attributes"),
)


def facts_of(parts: ModelParts, workspace: Workspace) -> dict[str, Any]:
    """Return the facts that a bundle states, with no path and no name of a recording.

    `data` and `scores` are None if the manifest is missing or has changed since the training.
    """
    kept = ("name", "kind", "digest", "classes", "method", "members", "attributes", "manifest")
    facts: dict[str, Any] = {key: parts.card.get(key) for key in kept}
    facts["backbones"] = [_backbone(one) for one in parts.features]
    facts["transcriber"] = [parts.text.checkpoint, parts.text.revision] if parts.text else None
    facts |= {"data": None, "scores": None}
    try:
        manifest = Manifest.read(workspace.manifest)
        if manifest.digest() == facts["manifest"]:
            facts["data"] = data_facts(manifest)
        facts["scores"] = _scores(parts, manifest)
    except MedusaError as problem:
        say(f"the model card has no scores: {problem}")
    return facts


def _backbone(feature: ModelFeature) -> dict[str, Any]:
    spec = feature.spec
    return {
        "name": spec.backbone,
        "input": spec.input,
        "checkpoint": spec.checkpoint,
        "revision": spec.revision,
        "layers": list(spec.layers),
        "dtype": spec.dtype,
        "licence": licence_of(spec.checkpoint),
    }


def data_facts(manifest: Manifest) -> dict[str, Any]:
    """Return the corpus, the sizes of its splits, and the numbers that the splits share."""
    frame = manifest.frame
    names = frame["split"].dropna().unique()
    splits = {str(name): frame[frame["split"] == name] for name in sorted(names)}
    return {
        "corpus": str(manifest.provenance.get("corpus", "")),
        "scheme": manifest.scheme.name,
        "notes": list(map(str, manifest.provenance.get("notes", []))),
        "shared_speakers": _in_several_splits(frame, "speaker"),
        "shared_recordings": _in_several_splits(frame, "content"),
        "languages": sorted(map(str, frame["language"].dropna().unique())),
        "splits": {
            name: {
                "utterances": len(part),
                "speakers": int(part["speaker"].nunique()),
                "hours": round(float(part["duration_s"].sum()) / 3600, 2),
                "classes": {str(k): int(n) for k, n in part["label"].value_counts().items()},
            }
            for name, part in splits.items()
        },
    }


def _in_several_splits(frame: "pd.DataFrame", column: str) -> int:
    """Return the number of speakers or recordings that are in more than one split."""
    known = frame.dropna(subset=[column, "split"])
    return int((known.groupby(column)["split"].nunique() > 1).sum())


def _scores(parts: ModelParts, manifest: Manifest) -> dict[str, Any]:
    """Return the scores on test, with intervals and chance levels.

    Raises:
        RunError: the split has no labels, or the manifest has changed since the training.
    """
    judged = judge_run(parts.root.run, manifest)
    return {name: judged[name] for name in SCORES}
