"""The predictions of a head, as a run stores them."""

import numpy as np
import numpy.typing as npt
import torch

from medusa.console import progress
from medusa.heads.examples.join import Examples, Rows
from medusa.heads.networks.head import Head
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.training.fitter import HeadFitter
from medusa.heads.training.predict import predict
from medusa.scoring import Predictions

CHUNK = 2048  # The progress line advances after this many utterances.


def predict_rows(fitter: HeadFitter, rows: Rows, run: RunDir) -> Predictions:
    """Predict these rows with the best weights.

    Args:
        fitter: the head, fitted.
        rows: (B,) row numbers of its examples.
        run: the run that the predictions are of.
    """
    examples = fitter.examples
    logits, attributes = predict(fitter.head, examples, rows, fitter.device, fitter.at_once)
    return Predictions.of(
        [examples.ids[row] for row in rows],
        examples.splits[rows].tolist(),
        logits,
        attributes if examples.has_attributes else None,
        examples.classes,
        run.digest(),
    )


def predict_all(
    head: Head,
    examples: Examples,
    run: RunDir,
    device: torch.device,
    with_attributes: bool,
    table_batch: int | None = None,
) -> Predictions:
    """Predict all examples with a progress line.

    Args:
        head: on the device.
        examples: N utterances.
        run: the head's run.
        device: where to compute.
        with_attributes: whether the head learnt attributes.
        table_batch: an argument of `predict`.
    """
    if (table_batch or head.fusion.table_batch) is None:
        logits, attributes = _in_chunks(head, examples, run.name, device)
    else:
        rows = np.arange(len(examples.ids))
        logits, attributes = predict(head, examples, rows, device, table_batch=table_batch)
    return Predictions.of(
        examples.ids,
        examples.splits.tolist(),
        logits,
        attributes if with_attributes else None,
        examples.classes,
        run.digest(),
    )


def _in_chunks(
    head: Head, examples: Examples, title: str, device: torch.device
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return logits (N, C) and attributes (N, 3) of all examples."""
    count, logits, attributes = len(examples.ids), [], []
    with progress(title, count) as advance:
        for start in range(0, count, CHUNK):
            rows = np.arange(start, min(start + CHUNK, count))
            chunk_logits, chunk_attributes = predict(head, examples, rows, device)
            logits.append(chunk_logits)
            attributes.append(chunk_attributes)
            advance(len(rows))
    return np.concatenate(logits), np.concatenate(attributes)
