"""Full-size heads on a GPU, and the hours for the paper's tables; `heads.py` calls this."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from head_steps import BATCH, Batch, Ours, Published, lengths, timed

from medusa.heads.networks.flops import PEAKS, peak

WIDTH, ROUNDS, WARM_UP = 1024, 20, 3
AS_IN_STAGES = 4 * 75_000 + 16 * 10_000  # the training utterances of stages 1 and 2
JUDGED = 20 * 8_000  # the dev utterances after all epochs

# The kinds of heads in the paper's Table 1: the letters for `lengths`, and the feature widths.
KINDS = {
    "audio and text": ("at", (1024, 1024)),
    "two audio": ("aa", (1280, 1024)),
    "two audio and text": ("aat", (1024, 1280, 1024)),
    "three audio": ("aaa", (1024, 1280, 1024)),
}
TABLE_1 = {"audio and text": 10, "two audio": 1, "two audio and text": 2, "three audio": 1}
# Models 2, 8, 9 and 13 are trained for five more rows; late fusion is counted like the others.
TABLE_2 = {"audio and text": 10, "two audio": 5, "two audio and text": 5}


def measure(
    device: torch.device, memory_apart: Callable[[int, str, torch.device], float]
) -> dict[str, Any]:
    """Return the figures of each kind of head, and the total hours on this device and on a 3090."""
    figures: dict[str, Any] = {name: one_kind(*kind, device) for name, kind in KINDS.items()}
    for name in ("audio and text", "two audio and text"):
        figures[name]["peak_memory_gb"] = memory_apart(WIDTH, KINDS[name][0], device)
    for table, heads in (("hours_14_models", TABLE_1), ("hours_table_2", TABLE_2)):
        here = sum(count * figures[name]["hours_a_head"] for name, count in heads.items())
        peak_flop_s = peak(device)
        figures[table] = here
        figures[f"{table}_on_3090"] = here * peak_flop_s / PEAKS["3090"] if peak_flop_s else None
    return figures


def one_kind(letters: str, widths: tuple[int, ...], device: torch.device) -> dict[str, Any]:
    """Return the speed of training and prediction, the MFU and the ratio to the published way."""
    ours, theirs = Ours(widths, WIDTH, device), Published(widths, WIDTH, device)
    batches = [
        Batch.random(lengths(BATCH, seed, letters), widths, device)
        for seed in range(WARM_UP + ROUNDS)
    ]
    taken = [
        (
            timed(lambda batch=batch: ours(batch, bf16=True), device),
            timed(lambda batch=batch: theirs(batch), device),
            timed(lambda batch=batch: forward(ours, batch), device),
        )
        for batch in batches
    ][WARM_UP:]
    step, published, judged = (sum(side) / ROUNDS for side in zip(*taken, strict=True))
    flop = sum(ours.flop(batch) for batch in batches[WARM_UP:]) / ROUNDS
    peak_flop_s = peak(device)
    return {
        "waits_for_the_device": waits(lambda: ours(batches[0], bf16=True)),
        "step_ms": 1000 * step,
        "utterances_per_s": BATCH / step,
        "dev_utterances_per_s": BATCH / judged,
        "mfu": flop / step / peak_flop_s if peak_flop_s else None,
        "against_published_fp32": published / step,
        "hours_a_head": (AS_IN_STAGES * step + JUDGED * judged) / BATCH / 3600,
    }


def waits(step: Callable[[], None]) -> int:
    """Return how often a step makes the CPU wait for the GPU, which should never happen."""
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        step()
    torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in caught)


@torch.no_grad()
def forward(ours: Ours, batch: Batch) -> None:
    """Predict in fp32, as the trainer does after an epoch."""
    ours.head.eval()
    ours.head(batch.packed)
    ours.head.train()
