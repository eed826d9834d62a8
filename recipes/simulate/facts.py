"""The facts of a simulation: its sizes and the best possible scores."""

from typing import Any

import numpy as np

from medusa.console import say, table
from medusa.errors import listed
from medusa.manifests import Manifest
from medusa.recipes.simulate import draw, world
from medusa.recipes.simulate.ceiling import Ints, ceilings
from medusa.recipes.simulate.fill import scored_rows
from medusa.recipes.simulate.world import Floats
from medusa.scoring import Predictions, training_prior

SHOWN = (
    "all",
    "wavlm + roberta",
    "whisper + modernbert",
    "wavlm + hubert + roberta",
    "wavlm + hubert",
    "wavlm + whisper",
    *world.STREAMS,
)


def ceilings_of(manifest: Manifest, predictions: dict[str, Ints]) -> dict[str, Any]:
    """Return the scores of the exact likelihood by set of streams; see `ceilings`."""
    numbers = {name: number for number, name in enumerate(world.CLASSES)}
    rows = manifest.frame[scored_rows(manifest)]
    truth = np.asarray(rows["label"].map(numbers), np.int64)
    absent = sorted(set(numbers) - set(rows["label"]))
    if absent:
        say(f"test has no {listed(absent)}: simulate more --utterances")
    return ceilings(truth, predictions, rows["speaker"].tolist(), training_prior(manifest))


def sizes(manifest: Manifest) -> dict[str, Any]:
    """Return the numbers of utterances, speakers, hours and rows of each split."""
    frame = manifest.frame
    return {
        "utterances": len(frame),
        "speakers": int(frame["speaker"].nunique()),
        "hours": float(frame["duration_s"].sum() / 3600),
        "splits": {name: int((frame["split"] == name).sum()) for name in draw.SHARES},
        "no_consensus": float(frame["label"].isna().mean()),
    }


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


def likelihoods(manifest: Manifest, logits: Floats) -> Predictions:
    """Return the exact likelihoods of all utterances in the form of a run's predictions."""
    frame, high = manifest.frame, logits.max(1, keepdims=True)
    ids, splits = frame["id"].tolist(), frame["split"].tolist()
    return Predictions.of(ids, splits, logits - high, None, world.CLASSES, "ceiling")
