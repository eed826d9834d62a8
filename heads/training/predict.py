"""Logits and attributes of many utterances, whoever shares their batch."""

import numpy as np
import numpy.typing as npt
import torch

from medusa.heads.examples.join import Examples, Rows
from medusa.heads.networks.fusion import Head
from medusa.heads.networks.memory import predict_in_parts

BATCH = 64


@torch.no_grad()
def predict(
    head: Head, examples: Examples, rows: Rows, device: torch.device, most: int = BATCH
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return logits (B, C) and attributes (B, 3) of these rows, in their order.

    Utterances of similar length share a batch, which saves time and changes nothing else.

    Args:
        head: in evaluation from here on.
        examples, rows: what to predict.
        device: where the head is.
        most: so many utterances on the device at once; half as many where memory runs out.

    Raises:
        TooLarge: the device has no room for one utterance.
    """
    head.eval()
    first = examples.streams[0]
    lengths = first.store.index.length[first.rows[rows]]
    order = np.argsort(lengths, kind="stable")
    batches = [order[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    logits = np.empty((len(rows), len(examples.classes)), np.float32)
    attributes = np.empty((len(rows), 3), np.float32)
    feed = examples.batches([rows[batch] for batch in batches], device.type == "cuda")
    for batch, inputs in zip(batches, feed, strict=True):
        moved = [packed.to(device, torch.float32) for packed in inputs]
        out, rated, most = predict_in_parts(head, moved, most)
        logits[batch] = out.float().cpu().numpy()
        attributes[batch] = rated.float().cpu().numpy()
    return logits, attributes
