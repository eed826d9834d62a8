"""Prediction of logits and attributes, independent of how utterances are batched."""

import numpy as np
import numpy.typing as npt
import torch

from medusa.heads.examples.join import Examples, Rows
from medusa.heads.networks.head import Head
from medusa.heads.networks.memory import predict_in_parts

BATCH = 64


@torch.no_grad()
def predict(
    head: Head,
    examples: Examples,
    rows: Rows,
    device: torch.device,
    most: int = BATCH,
    table_batch: int | None = None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return logits (B, C) and attributes (B, 3) of these rows, in their order.

    Utterances of similar length share a batch, which saves time and changes nothing else. A head
    that reads the padding has batches in the order of the rows, split by split.

    Args:
        head: the head, which is set to evaluation mode.
        examples, rows: the examples and the rows to predict.
        device: the device of the head.
        most: the number of utterances on the device at a time. It is halved if memory runs out.
        table_batch: the size of these batches, by default the one that the head's class has.

    Raises:
        DeviceError: a single utterance does not fit into the device's memory.
    """
    head.eval()
    table_batch = table_batch or head.fusion.table_batch
    if table_batch is None:
        first = examples.streams[0]
        lengths = first.store.index.length[first.rows[rows]]
        batches = _parts(np.argsort(lengths, kind="stable"), BATCH)
    else:
        splits, most = examples.splits[rows], max(most, table_batch)
        each = [np.flatnonzero(splits == name) for name in dict.fromkeys(splits.tolist())]
        batches = [batch for one in each for batch in _parts(one, table_batch)]
    logits = np.empty((len(rows), len(examples.classes)), np.float32)
    attributes = np.empty((len(rows), 3), np.float32)
    feed = examples.read_batches([rows[batch] for batch in batches], device.type == "cuda")
    for batch, inputs in zip(batches, feed, strict=True):
        moved = [packed.to(device, torch.float32) for packed in inputs]
        out, predicted, most = predict_in_parts(head, moved, most)
        logits[batch] = out.float().cpu().numpy()
        attributes[batch] = predicted.float().cpu().numpy()
    return logits, attributes


def _parts(order: Rows, size: int) -> list[Rows]:
    """Cut numbers (B,) into batches of this size; the last one may be smaller."""
    return [order[start : start + size] for start in range(0, len(order), size)]
