"""WavLM's encoder with the fused attention, against transformers' own attention.

    python benchmarks/wavlm_attention.py --json benchmarks/results/wavlm_attention.json

Both encode the same clips of noise in turn, in batches of equal and of several lengths. The
weights are random. The figure is the median over rounds of the ratio of their times: CPU time of
the process on a CPU, time between synchronisations on a GPU. The largest difference of the features
is reported, too. `--size large` has the dimensions of wavlm-large.
"""

import argparse
import copy
import json
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from medusa.device import choose_device
from medusa.extract.encoders.wavlm_attention import fuse_attention
from medusa.heads.runs.environment import environment

SIZES = {"slim": (4, 256, 4), "base": (12, 768, 12), "large": (24, 1024, 16)}
RATE_HZ = 16_000
BATCHES: dict[str, tuple[float, ...]] = {
    "8 of 3 s": (3.0,) * 8,
    "8 of 1 to 8 s": (1, 2, 3, 4, 5, 6, 7, 8),
    "2 of 15 s": (15.0,) * 2,
}


def make_encoder(size: str, device: torch.device) -> Any:
    """Return the layers of a WavLM model with random weights."""
    from transformers import WavLMConfig, WavLMModel

    layers, width, heads = SIZES[size]
    torch.manual_seed(0)
    config = WavLMConfig(
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        attn_implementation="eager",
    )
    return WavLMModel(config).encoder.eval().to(device)


def run(encoder: Any, states: Tensor, mask: Tensor | None) -> Tensor:
    """Return the last states (B, T, D)."""
    with torch.inference_mode():
        output: Tensor = encoder(states.clone(), attention_mask=mask).last_hidden_state
    return output


def seconds(encoder: Any, states: Tensor, mask: Tensor | None) -> float:
    """Return the time of one batch."""
    if states.device.type == "cpu":
        start = time.process_time()
        run(encoder, states, mask)
        return time.process_time() - start
    torch.cuda.synchronize()
    start = time.perf_counter()
    run(encoder, states, mask)
    torch.cuda.synchronize()
    return time.perf_counter() - start


def compare(eager: Any, fused: Any, lengths_s: Sequence[float], rounds: int) -> dict[str, Any]:
    """Measure both encoders in turn on one batch."""
    device = next(eager.parameters()).device
    frames = [round(length * 50) - 1 for length in lengths_s]
    width = eager.config.hidden_size
    states = torch.randn(len(frames), max(frames), width, device=device)
    mask = (torch.arange(max(frames)) < torch.tensor(frames)[:, None]).to(device)
    given = mask if min(frames) < max(frames) else None
    difference = (run(eager, states, given) - run(fused, states, given))[mask].abs().max()
    pairs = [(seconds(eager, states, given), seconds(fused, states, given)) for _ in range(rounds)]
    ratios = sorted(new / old for old, new in pairs)
    return {
        "eager_s": statistics.median(old for old, _ in pairs),
        "fused_s": statistics.median(new for _, new in pairs),
        "ratio": statistics.median(ratios),
        "ratio_quartiles": [ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4]],
        "largest_difference": float(difference),
    }


def main() -> None:
    """Compare, print, and write the figures with the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    eager = make_encoder(options.size, choose_device(options.device)[0])
    fused = copy.deepcopy(eager)
    fuse_attention(fused)
    found: dict[str, Any] = {"environment": environment(), "size": options.size, "batches": {}}
    found["load"] = os.getloadavg()[0]
    for name, lengths_s in BATCHES.items():
        one = compare(eager, fused, lengths_s, options.rounds)
        found["batches"][name] = one
        print(f"{name}: {one['ratio']:.2f}, difference {one['largest_difference']:.1e}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
