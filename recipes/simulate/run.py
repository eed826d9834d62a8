"""Fill a workspace with a simulated corpus and compute the best possible scores on it."""

import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medusa.atomic import write_text
from medusa.cache import FeatureSpec, StoreWriter
from medusa.cache.layout import read_spec
from medusa.console import progress, say, table
from medusa.errors import MedusaError, listed
from medusa.manifests import Manifest
from medusa.manifests.texts import content_of
from medusa.recipes.simulate import draw, world
from medusa.recipes.simulate.ceiling import Ints, ceilings, predictions_of, views
from medusa.recipes.simulate.likelihood import class_likelihood, stream_ratios
from medusa.recipes.simulate.world import Floats
from medusa.scoring import Predictions, training_prior
from medusa.workspace import Workspace

FACTS, CEILING = "simulation.json", "ceiling.parquet"
FAMILY = "simulated"
BLOCK = 512  # utterances in memory at once
FEWEST_UTTERANCES, LEAST_WIDTH = 200, 8
SHOWN = (
    "all",
    "wavlm + roberta",
    "whisper + modernbert",
    "wavlm + hubert + roberta",
    "wavlm + hubert",
    "wavlm + whisper",
    *world.STREAMS,
)


def simulate(
    workspace: Workspace,
    count: int,
    width: int,
    seed: int,
    people: int | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Draw the corpus, write manifest and features, and the ceiling beside them.

    Args:
        workspace: an empty workspace, or one in which the same simulation was begun.
        count: the number of utterances, at least 200.
        width: the width of the features, at least 8.
        seed: the same seed gives the same corpus.
        people: the number of speakers, at least 12; by default one for 25 utterances.
        force: remove the simulation in this workspace first.

    Returns:
        The contents of `simulation.json`.

    Raises:
        MedusaError: the workspace holds something else, or the numbers are too small.
    """
    people = draw.people_of(count) if people is None else people
    _check(count, width, people)
    request = {"utterances": count, "speakers": people, "width": width, "seed": seed}
    request["edition"] = world.EDITION
    finished = _claim(workspace, request, force)
    if finished:
        say(f"{workspace.root}: the simulation is complete; nothing to do (--force draws it again)")
        return finished
    drawn = draw.corpus(count, seed, people)
    drawn.manifest.write(workspace.manifest)
    logits, predictions = _fill(
        workspace, drawn, {name: spec_of(name, request) for name in world.STREAMS}, seed
    )
    facts = {"asked": request, "note": draw.NOTE, "sizes": _sizes(drawn.manifest)}
    facts |= _judge(drawn.manifest, predictions)
    _predictions(drawn.manifest, logits).write(workspace.root / CEILING)
    write_text(workspace.root / FACTS, json.dumps(facts, indent=2) + "\n")
    return facts


def show(facts: dict[str, Any]) -> None:
    """Print the sizes and the ceilings."""
    sizes = facts["sizes"]
    splits = ", ".join(f"{count} {name}" for name, count in sizes["splits"].items())
    say(
        f"{sizes['utterances']} utterances ({splits}) by {sizes['speakers']} speakers, "
        f"{sizes['hours']:.1f} h; {sizes['no_consensus']:.0%} without consensus"
    )
    rows: list[tuple[object, ...]] = []
    for view in SHOWN:
        low, high = facts["interval"][view]
        value, draws = facts["ceiling"][view], facts["on_draws"][view]
        rows.append((view, value, f"{low:.3f}-{high:.3f}", draws))
    rows.append(("guessing by the training prior", facts["chance"], None, None))
    rows.append(("guessing evenly", facts["uniform"], None, None))
    title = f"the best possible balanced macro-F1 on {facts['judged']} utterances of test"
    table(["what is known", "balanced macro-F1", "95 %", "on 100 draws"], rows, title)
    say(draw.NOTE)


def spec_of(name: str, request: dict[str, int]) -> FeatureSpec:
    """Return the specification of a stream's store; it differs between simulations."""
    kind = world.STREAMS[name][0]
    return FeatureSpec(
        backbone=name,
        family=FAMILY,
        checkpoint=FAMILY,
        revision=_described(request),
        input=kind,
        layers=(0,),
        reduce="none",
        dtype="float16",
        width=request["width"],
        frame_shift_s=1 / draw.FRAMES_PER_S[kind] if kind == "audio" else None,
        preprocessing={FAMILY: draw.NOTE, "stream": name},
    )


def folder(root: Path) -> Workspace:
    """Return the workspace, making its folder."""
    root.mkdir(parents=True, exist_ok=True)
    return Workspace.open(root)


def _check(count: int, width: int, people: int) -> None:
    wrong = [
        f"{option} {value}: expected at least {least}"
        for option, value, least in (
            ("--utterances", count, FEWEST_UTTERANCES),
            ("--width", width, LEAST_WIDTH),
            ("--speakers", people, draw.FEWEST_SPEAKERS),
        )
        if value < least
    ]
    if people > max(count, draw.FEWEST_SPEAKERS):
        wrong.append(
            f"--speakers {people}: expected at most one for each of the {count} utterances"
        )
    if wrong:
        raise MedusaError("; ".join(wrong))


def _claim(workspace: Workspace, request: dict[str, int], force: bool) -> dict[str, Any] | None:
    """Mark the folder as this simulation's; return the stored facts if it is finished.

    Raises:
        MedusaError: it holds another simulation, or another corpus.
    """
    path = workspace.root / FACTS
    stored: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if not stored and (workspace.manifest.exists() or _stores(workspace)):
        raise MedusaError(
            f"{workspace.root}: holds a corpus; a simulation needs a folder of its own: "
            "`medusa --workspace NEW_FOLDER simulate`"
        )
    other = bool(stored) and stored["asked"] != request
    if other and not force:
        raise MedusaError(
            f"{path}: holds another simulation ({_described(stored['asked'])}; this command has "
            f"{_described(request)}); choose another folder with --workspace, or replace it with "
            "--force"
        )
    if other and workspace.runs.exists() and any(workspace.runs.iterdir()):
        raise MedusaError(
            f"{workspace.runs}: holds runs on the present simulation; remove them first, or choose "
            "another folder with --workspace"
        )
    if "ceiling" in stored and not force:
        return stored
    # This comes first: after a kill from here on, the command continues.
    write_text(path, json.dumps({"asked": request}) + "\n")
    mine = set() if force else {spec_of(name, request).folder for name in world.STREAMS}
    for store in _stores(workspace):
        if store.name not in mine and read_spec(store).family == FAMILY:
            shutil.rmtree(store)
    return None


def _described(request: dict[str, int]) -> str:
    return ", ".join(f"{key} {value}" for key, value in request.items())


def _stores(workspace: Workspace) -> list[Path]:
    return sorted(path.parent for path in workspace.features.glob("*/spec.json"))


def _fill(
    workspace: Workspace, drawn: draw.Drawn, specs: dict[str, FeatureSpec], seed: int
) -> tuple[Floats, dict[str, Ints]]:
    """Write all features, block by block.

    Returns:
        The exact log p(x | label) of all utterances (N, C), and the predictions of every set of
        streams for the scored rows.
    """
    frame = drawn.manifest.frame
    contents = {
        "audio": frame["content"].to_numpy(),
        "text": frame["text"].map(content_of).to_numpy(),
    }
    judged = _judged(drawn.manifest)
    logits, predictions = [], []
    with ExitStack() as stack, progress("simulating", len(frame)) as advance:
        note: dict[str, object] = {"note": draw.NOTE}
        writers = {
            name: stack.enter_context(StoreWriter(workspace.features / spec.folder, spec, note))
            for name, spec in specs.items()
        }
        for start in range(0, len(frame), BLOCK):
            rows = range(start, min(start + BLOCK, len(frame)))
            ratios = {}
            for name, writer in writers.items():
                block = _append(writer, drawn, rows, contents[world.STREAMS[name][0]], seed)
                ratios[name] = stream_ratios(name, block)
            logits.append(class_likelihood(ratios))
            kept = judged[start : start + BLOCK]
            predictions.append(
                predictions_of({name: ratio[kept] for name, ratio in ratios.items()})
            )
            advance(len(rows))
    return np.concatenate(logits), {
        view: np.concatenate([one[view] for one in predictions]) for view in views()
    }


def _append(
    writer: StoreWriter,
    drawn: draw.Drawn,
    rows: range,
    contents: npt.NDArray[np.object_],
    seed: int,
) -> list[Floats]:
    """Draw and write one stream of these rows; return the frames as a store returns them."""
    seen = []
    made = draw.frames(drawn, writer.spec.backbone, writer.spec.width, seed, rows)
    for row, x in zip(rows, made, strict=True):
        kept = x.astype(np.float16)  # The likelihood reads the rounded numbers, too.
        writer.append(contents[row], kept[None])
        seen.append(kept.astype(np.float64))
    return seen


def _judged(manifest: Manifest) -> npt.NDArray[np.bool_]:
    """Return the mask (N,) of the rows that are in test and have a label."""
    frame = manifest.frame
    return np.asarray((frame["split"] == "test") & frame["label"].notna(), bool)


def _judge(manifest: Manifest, predictions: dict[str, Ints]) -> dict[str, Any]:
    numbers = {name: number for number, name in enumerate(world.CLASSES)}
    rows = manifest.frame[_judged(manifest)]
    truth = np.asarray(rows["label"].map(numbers), np.int64)
    absent = sorted(set(numbers) - set(rows["label"]))
    if absent:
        say(f"test has no {listed(absent)}: simulate more --utterances")
    return ceilings(truth, predictions, rows["speaker"].tolist(), training_prior(manifest))


def _sizes(manifest: Manifest) -> dict[str, Any]:
    frame = manifest.frame
    return {
        "utterances": len(frame),
        "speakers": int(frame["speaker"].nunique()),
        "hours": float(frame["duration_s"].sum() / 3600),
        "splits": {name: int((frame["split"] == name).sum()) for name in draw.SHARES},
        "no_consensus": float(frame["label"].isna().mean()),
    }


def _predictions(manifest: Manifest, logits: Floats) -> Predictions:
    """Return the exact likelihoods of all utterances in the form of a run's predictions."""
    frame, high = manifest.frame, logits.max(1, keepdims=True)
    ids, splits = frame["id"].tolist(), frame["split"].tolist()
    return Predictions.of(ids, splits, logits - high, None, world.CLASSES, "ceiling")
