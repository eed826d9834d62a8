"""How much a GPU takes at once: one small batch is tried, and what it needed is scaled up."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from medusa.console import say
from medusa.errors import MedusaError
from medusa.extract.encoders.devices import batch_seconds
from medusa.extract.encoders.memory import out_of_memory
from medusa.extract.inputs.batches import Utterance
from medusa.extract.passes.stream import fetched

SHARE = 0.8  # of what is free; the rest is for the copies under way and for fragments
MOST_S = 1600.0  # larger batches are no faster, and the batches waiting fill the host's memory
TRIED = 5  # utterances, where the longest cannot be read


def budget_s(
    todo: Sequence[Utterance],
    prepare: Callable[[Any], Any],
    encode: Callable[[Sequence[Any]], Sequence[Any]],
    rate_hz: int,
    device: str,
    least_s: float = 0.0,
) -> float:
    """Return the padded seconds of audio that a batch may hold on this device.

    The longest utterance is tried: attention grows with the square of the length, so no batch of
    shorter ones needs more a second than it does. A CPU gets the usual fixed budget.

    Args:
        todo: what will be encoded.
        prepare, encode: of the encoder, its weights on the device.
        rate_hz: of the samples.
        device: of the encoder.
        least_s: what an utterance counts at least.
    """
    usual = batch_seconds(device, least_s)
    if not device.startswith("cuda"):
        return usual
    for one in sorted(todo, key=lambda one: -one.seconds)[:TRIED]:
        try:
            item = prepare(fetched(one, rate_hz))
        except MedusaError:
            continue  # it is named when its turn comes
        needed, free = _measured(item, encode, device)
        found = scaled(needed, max(one.seconds, least_s), free)
        say(
            f"{needed / 1e6:.0f} MB for {max(one.seconds, least_s):.1f} s, {free / 1e9:.1f} GB "
            f"free: batches of {found:.0f} s (--batch-seconds)"
        )
        return found
    return usual


def scaled(needed: int, padded_s: float, free: int) -> float:
    """Return how many padded seconds fit, where so many needed so much; never less than those.

    Args:
        needed: bytes.
        padded_s: what needed them.
        free: bytes.
    """
    return max(padded_s, min(MOST_S, SHARE * free / max(needed, 1) * padded_s))


def _measured(
    item: Any, encode: Callable[[Sequence[Any]], Sequence[Any]], device: str
) -> tuple[int, int]:
    """Return the bytes that an item needed beyond the weights, and the bytes that are free."""
    try:
        encode([item])  # also takes the workspaces that stay
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        encode([item])
        torch.cuda.synchronize(device)
        needed = torch.cuda.max_memory_allocated(device) - before
    except RuntimeError as problem:
        if not out_of_memory(problem):
            raise
        needed = torch.cuda.mem_get_info(device)[1]  # all there is: one at a time
    torch.cuda.empty_cache()
    return needed, torch.cuda.mem_get_info(device)[0]
