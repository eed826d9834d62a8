"""Draw the frames of a simulated corpus, write them, and compute their exact likelihoods."""

from contextlib import ExitStack

import numpy as np
import numpy.typing as npt

from medusa.cache import FeatureSpec, StoreWriter
from medusa.console import progress
from medusa.manifests import Manifest
from medusa.manifests.texts import content_of
from medusa.recipes.simulate import draw, world
from medusa.recipes.simulate.ceiling import Ints, predictions_of, views
from medusa.recipes.simulate.likelihood import class_likelihood, stream_ratios
from medusa.recipes.simulate.world import Floats
from medusa.workspace import Workspace

BLOCK = 512  # utterances in memory at once


def fill(
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
    judged = scored_rows(drawn.manifest)
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


def scored_rows(manifest: Manifest) -> npt.NDArray[np.bool_]:
    """Return the mask (N,) of the rows that are in test and have a label."""
    frame = manifest.frame
    return np.asarray((frame["split"] == "test") & frame["label"].notna(), bool)
