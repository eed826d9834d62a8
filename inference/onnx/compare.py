"""A file is compared with PyTorch: random features go through both."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from medusa.cache import Packed
from medusa.heads.networks.standardise import Standardise
from medusa.inference.onnx.model_graph import Key, ModelGraph
from medusa.inference.predictors import HeadPredictor, Predictor, StackPredictor
from medusa.randomness import random_stream
from medusa.scoring import Predictions

BATCHES = ((1,), (7, 1, 30), (150, 12))  # the numbers of frames of each utterance
SEEDS = 3
Results = dict[str, npt.NDArray[np.float32]]


def largest_difference(path: Path, built: ModelGraph) -> float:
    """Return the largest difference between a file and the model from which it was made.

    Differences of logits above 1 are relative. A forest, or a vote that is tied, may turn the
    smallest difference into another branch, so the draw that agrees best counts. A wrong graph
    agrees in none.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return min(
        max(_difference(session, built, lengths, seed) for lengths in BATCHES)
        for seed in range(SEEDS)
    )


def _difference(session: Any, built: ModelGraph, lengths: Sequence[int], seed: int) -> float:
    rng, scales = random_stream(seed, "onnx inputs"), scales_of(built.predictor)
    packed = {key: _drawn(rng, scales[key], lengths, built.width(key)) for key in built.frames}
    ids = [str(number) for number in range(len(lengths))]
    expected = built.predictor.predict(ids, lambda spec, array: packed[spec, array])
    found = run(session, list(packed.values()))
    return max(_apart(found[name], values) for name, values in _results(expected).items())


def _apart(found: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> float:
    apart = np.abs(found - expected) / np.maximum(1, np.abs(expected))
    return float(np.nan_to_num(apart, nan=np.inf).max())


def run(session: Any, inputs: Sequence[Packed]) -> Results:
    """Return the outputs of a session for the packed features of B utterances, by name."""
    feed = {}
    for number, packed in enumerate(inputs):
        padded, mask = packed.pad()
        padded[~mask] = np.nan  # The padding must have no influence.
        feed[f"features_{number}"] = padded.numpy()
        feed[f"lengths_{number}"] = packed.lengths.numpy()
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, feed), strict=True))


def _results(expected: Predictions) -> Results:
    found = {"logits": expected.logits(), "posteriors": expected.posteriors()}
    attributes = expected.attributes()
    return found if attributes is None else found | {"attributes": attributes}


def scales_of(predictor: Predictor) -> dict[Key, nn.Module]:
    """Return for each of a model's features how one of its heads scales them."""
    if isinstance(predictor, StackPredictor):
        each = [scales_of(one) for one in predictor.members.values()]
        return {key: scale for one in each for key, scale in one.items()}
    assert isinstance(predictor, HeadPredictor)
    return dict(zip(predictor.features, predictor.head.scales, strict=True))


def _drawn(
    rng: np.random.Generator, scale: nn.Module, lengths: Sequence[int], width: int
) -> Packed:
    """Return random frames, with the mean and deviation of the training where they are known."""
    values = torch.from_numpy(rng.normal(size=(sum(lengths), width)).astype(np.float32))
    for module in scale.modules():
        if isinstance(module, Standardise):
            values = values * module.std.cpu() + module.mean.cpu()
    return Packed(values, torch.tensor(lengths))
