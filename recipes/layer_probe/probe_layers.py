"""Which layers of a backbone to extract: the function behind `medusa probe-layers`."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medusa.console import progress
from medusa.extract.extraction_options import ExtractionOptions
from medusa.manifests import Manifest
from medusa.recipes.layer_probe import averages
from medusa.recipes.layer_probe.convex_probe import score_layer
from medusa.recipes.layer_probe.cost import bytes_of_layers
from medusa.recipes.layer_probe.picture import Mark, write_picture
from medusa.recipes.layer_probe.sample import draw_sample, labels_and_folds
from medusa.workspace import Workspace, checked_name


@dataclass(frozen=True)
class LayerProbe:
    """The recall of a convex probe on every layer, and the layer to extract.

    Attributes:
        backbone: its name, or the label of the options.
        utterances, speakers: the size of the sample.
        layers: for each layer, its unweighted average recall and the 95 % interval.
        recommended: the layer to extract.
        bytes: the bytes of the recommended layer for all utterances of the workspace.
        bytes_of_all: the bytes of all layers for them.
        picture: the SVG file.
    """

    backbone: str
    utterances: int
    speakers: int
    layers: list[Mark]
    recommended: int
    bytes: int
    bytes_of_all: int
    picture: Path

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        marks = [mark._asdict() for mark in self.layers]
        return asdict(self) | {"layers": marks, "picture": str(self.picture)}


def probe_layers(
    workspace: Workspace,
    backbone: str,
    options: ExtractionOptions | None = None,
    *,
    utterances: int = 2000,
    seed: int = 0,
) -> LayerProbe:
    """Compare all layers of a backbone on a sample of the training split.

    The sample has whole speakers. Its layers are extracted into a hidden store, which is removed
    at the end; an interrupted extraction continues where it stopped. The probe of a layer is a
    class-balanced logistic regression on means and deviations over time, with folds by speaker.
    Neither features nor labels of dev and test are read. The recommended layer has the highest
    recall after smoothing: a layer counts twice, each of its neighbours once.

    Args:
        workspace: a workspace with a manifest that has speakers and a split.
        backbone: such as `wavlm`, or `auto` with a checkpoint.
        options: as for `extract_features`; `layers`, `reduce` and `splits` have no effect.
        utterances: the largest number of utterances in the sample.
        seed: the seed of the sample and of its folds.

    Raises:
        MedusaError: there is no split, the speakers are too few or unknown, or the features cannot
            be computed.
    """
    options = options or ExtractionOptions()
    option = "--as" if options.label else "--backbone"
    name = checked_name(option, options.label or backbone)
    sample = draw_sample(Manifest.read(workspace.manifest), utterances, seed)
    hidden = averages.hidden_workspace(workspace, name)
    sample, features = averages.extract_averages(hidden, sample, backbone, options)
    labels, folds, speakers = labels_and_folds(sample, seed)
    marks = list[Mark]()
    with progress("probes", len(features), "layer") as advance:
        for layer, x in features.items():
            marks.append(score_layer(layer, x, labels, folds, speakers))
            advance(1)
    best = recommend(marks)
    picture = workspace.root / f"layers-{name}.svg"
    write_picture(picture, f"{name}: unweighted average recall by layer", marks, best)
    chosen = bytes_of_layers(workspace, backbone, options, str(best))
    every = bytes_of_layers(workspace, backbone, options, "all")
    averages.clear(hidden)
    counts = len(labels), len(set(speakers))
    return LayerProbe(name, *counts, marks, best, chosen, every, picture)


def recommend(marks: list[Mark]) -> int:
    """Return the layer with the highest recall after smoothing with its neighbours."""
    scores = np.array([mark.score for mark in marks])
    padded = np.pad(scores, 1, mode="edge")
    smooth = padded[:-2] + 2 * scores + padded[2:]
    return marks[int(smooth.argmax())].layer
