"""The size of a batch on a GPU: the memory of one small batch is measured and scaled up."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from medusa.console import say
from medusa.errors import MedusaError
from medusa.extract.encoders import default_batch_seconds, out_of_memory
from medusa.extract.inputs import Utterance
from medusa.extract.passes.stream import read_source

SHARE = 0.8  # the share of the free memory; the rest is for copies under way and for fragments
LONGEST_BATCH_S = 1600.0  # larger batches are no faster, and waiting batches fill the main memory
TRIED = 5  # so many utterances are tried, in case the longest cannot be read


def measured_batch_seconds(
    todo: Sequence[Utterance],
    prepare: Callable[[Any], Any],
    encode: Callable[[Sequence[Any]], Sequence[Any]],
    rate_hz: int | None,
    device: str,
    least_s: float = 0.0,
) -> float:
    """Return the padded seconds of audio that a batch may hold on this device.

    The longest utterance is tried. The memory of attention grows with the square of the length, so
    no batch of shorter utterances needs more memory per second. A CPU has a fixed default.

    Args:
        todo: the utterances that will be encoded.
        prepare, encode: the encoder's methods, its weights on the device.
        rate_hz: the rate of the samples.
        device: the device of the encoder.
        least_s: the least number of seconds that an utterance counts.
    """
    default = default_batch_seconds(device, least_s)
    if not device.startswith("cuda"):
        return default
    for utterance in sorted(todo, key=lambda one: -one.seconds)[:TRIED]:
        try:
            item = prepare(read_source(utterance, rate_hz))
        except MedusaError:
            continue  # the pass reports this utterance later
        needed, free = _measured(item, encode, device)
        padded_s = max(utterance.seconds, least_s)
        batch_seconds = scaled(needed, padded_s, free)
        say(
            f"an utterance of {padded_s:.1f} s needs {needed / 1e6:.0f} MB, and "
            f"{free / 1e9:.1f} GB are free: a batch holds {batch_seconds:.0f} s (batch_seconds)"
        )
        return batch_seconds
    return default


def scaled(needed: int, padded_s: float, free: int) -> float:
    """Return the padded seconds that fit into the free memory, at least those of the trial.

    Args:
        needed: the bytes that the trial needed.
        padded_s: the padded seconds of the trial.
        free: the bytes that are free.
    """
    return max(padded_s, min(LONGEST_BATCH_S, SHARE * free / max(needed, 1) * padded_s))


def _measured(
    item: Any, encode: Callable[[Sequence[Any]], Sequence[Any]], device: str
) -> tuple[int, int]:
    """Return the bytes that an item needed beyond the weights, and the bytes that are free."""
    try:
        encode([item])  # this call also allocates the buffers that stay
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        encode([item])
        torch.cuda.synchronize(device)
        needed = torch.cuda.max_memory_allocated(device) - before
    except RuntimeError as problem:
        if not out_of_memory(problem):
            raise
        needed = torch.cuda.mem_get_info(device)[1]  # the whole memory: one utterance in a batch
    torch.cuda.empty_cache()
    return needed, torch.cuda.mem_get_info(device)[0]
