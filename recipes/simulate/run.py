"""Fill a workspace with a simulated corpus and say what can be known about it at best."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from medusa.cache import FeatureSpec, StoreWriter
from medusa.console import progress, say, table
from medusa.errors import MedusaError, listed
from medusa.heads.metrics import chance_macro_f1
from medusa.heads.predictions import Predictions
from medusa.heads.run_dir import write_text
from medusa.manifests import Manifest
from medusa.manifests.texts import content_of
from medusa.recipes.scores import balanced_macro_f1
from medusa.recipes.simulate import draw, world
from medusa.recipes.simulate.likelihood import class_likelihood, stream_ratio
from medusa.recipes.simulate.world import Floats
from medusa.workspace import Workspace

FACTS, CEILING = "simulation.json", "ceiling.parquet"
VIEWS = {
    "all": tuple(world.STREAMS),
    "wavlm + roberta": ("wavlm", "roberta"),
    "whisper + modernbert": ("whisper", "modernbert"),
    "wavlm + hubert + roberta": ("wavlm", "hubert", "roberta"),
    "wavlm + whisper": ("wavlm", "whisper"),
    **{name: (name,) for name in world.STREAMS},
}


class SimulateError(MedusaError):
    """A workspace that holds another corpus."""


def simulate(place: Workspace, count: int, width: int, seed: int) -> dict[str, Any]:
    """Draw the corpus, write manifest and features, and the ceiling beside them.

    Args:
        place: an empty workspace, or one in which the same simulation was begun.
        count: of utterances.
        width: of the features, at least 8.
        seed: the same seed gives the same corpus.

    Returns:
        The facts that are also written to `simulation.json`.

    Raises:
        SimulateError: the workspace holds something else, or the numbers are too small.
    """
    asked = {"utterances": count, "width": width, "seed": seed}
    facts_path = place.root / FACTS
    if facts_path.exists():
        facts: dict[str, Any] = json.loads(facts_path.read_text(encoding="utf-8"))
        if facts["asked"] != asked:
            raise SimulateError(
                f"{facts_path}: another simulation ({facts['asked']}); use another folder"
            )
        if "ceiling" in facts:
            say(f"{place.root}: simulated already, nothing to do")
            return facts
    elif place.manifest.exists():
        raise SimulateError(f"{place.manifest}: holds a corpus; simulate in a folder of its own")
    if count < 200 or width < 8:
        raise SimulateError("--utterances: at least 200; --width: at least 8")
    write_text(facts_path, json.dumps({"asked": asked}) + "\n")
    drawn = draw.corpus(count, seed)
    drawn.manifest.write(place.manifest)
    ratios = {name: _stream(place, drawn, name, width, seed) for name in world.STREAMS}
    facts = {"asked": asked, "note": draw.NOTE, **_ceilings(drawn.manifest, ratios)}
    _predictions(drawn.manifest, ratios).write(place.root / CEILING)
    write_text(facts_path, json.dumps(facts, indent=2) + "\n")
    return facts


def show(facts: dict[str, Any]) -> None:
    """Print the ceilings."""
    rows: list[tuple[object, ...]] = [(name, value) for name, value in facts["ceiling"].items()]
    rows.append(("guessing", facts["chance"]))
    title = f"the best possible balanced macro-F1 on {facts['judged']} utterances of test"
    table(["what is known", "balanced macro-F1"], rows, title)
    say(draw.NOTE)


def _stream(place: Workspace, drawn: draw.Drawn, name: str, width: int, seed: int) -> Floats:
    """Write one stream's features; return their log-likelihood ratios, (N, Z)."""
    kind, frame = world.STREAMS[name][0], drawn.manifest.frame
    spec = _spec(name, kind, width, seed)
    contents = frame["content"] if kind == "audio" else frame["text"].map(content_of)
    ratios = np.empty((len(frame), len(world.state_prior())))
    made = draw.frames(drawn, name, width, seed)
    with (
        StoreWriter(place.features / spec.folder, spec, {"note": draw.NOTE}) as writer,
        progress(name, len(frame)) as advance,
    ):
        missing = set(writer.missing(contents))
        for row, (content, x) in enumerate(zip(contents, made, strict=True)):
            kept = x.astype(np.float16)  # what a reader sees is what is judged
            if content in missing:
                writer.append(content, kept[None])
            ratios[row] = stream_ratio(name, kept.astype(np.float64))
            advance()
    return ratios


def _spec(name: str, kind: str, width: int, seed: int) -> FeatureSpec:
    return FeatureSpec(
        backbone=name,
        family="simulated",
        checkpoint="simulated",
        revision=f"seed-{seed}",
        input=kind,
        layers=(0,),
        reduce="none",
        dtype="float16",
        width=width,
        frame_shift_s=1 / draw.FRAMES_PER_S[kind] if kind == "audio" else None,
        preprocessing={"simulated": draw.NOTE},
    )


def _ceilings(manifest: Manifest, ratios: dict[str, Floats]) -> dict[str, Any]:
    numbers = {name: number for number, name in enumerate(world.CLASSES)}
    rows = np.flatnonzero((manifest.frame["split"] == "test") & manifest.frame["label"].notna())
    truth = manifest.frame["label"].iloc[rows].map(numbers).to_numpy(np.int64)
    ceilings = {}
    for view, names in VIEWS.items():
        said = class_likelihood({name: ratios[name][rows] for name in names}).argmax(1)
        matrix = np.zeros((len(numbers), len(numbers)))
        np.add.at(matrix, (truth, said), 1)
        ceilings[view] = float(balanced_macro_f1(matrix))
    there = np.unique(truth)
    if len(there) < len(numbers):
        absent = [name for name, number in numbers.items() if number not in there]
        say(f"test has no {listed(absent)}: simulate more utterances")
    chance = chance_macro_f1(np.ones(len(numbers)), np.arange(len(numbers)))
    return {"ceiling": ceilings, "chance": chance, "judged": len(rows)}


def _predictions(manifest: Manifest, ratios: dict[str, Floats]) -> Predictions:
    """Return the exact likelihoods of everything as if a run had said them."""
    logits = class_likelihood(ratios)
    logits -= logits.max(1, keepdims=True)
    frame = manifest.frame
    return Predictions.of(
        frame["id"].tolist(), frame["split"].tolist(), logits, None, world.CLASSES, "ceiling"
    )


def folder(root: Path) -> Workspace:
    """Return the workspace, making its folder."""
    root.mkdir(parents=True, exist_ok=True)
    return Workspace.open(root)
