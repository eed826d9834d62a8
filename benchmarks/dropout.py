"""Dropout on a CPU: ours against a mask of truth values and against the dropout of torch.

    python benchmarks/dropout.py --json benchmarks/results/dropout.json

The figures are ratios of the CPU seconds of one thread for the forward pass and the gradient. All
are timed in turn, and the fastest time of each is kept. If a ratio is above 1, ours is faster.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from medusa.heads.networks.dropout import LEVELS, Dropout
from medusa.heads.runs.environment import environment

P, ROUNDS = 0.1, 5
SHAPES = ((1800, 32), (1800, 64), (4000, 1024), (4000, 2048))


def with_truth_values(x: Tensor) -> Tensor:
    """Drop the same values as ours, by multiplying with truth values."""
    dropped = round(P * LEVELS)
    words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    keep = words.view(torch.int16)[: x.numel()].view(x.shape) >= dropped - LEVELS // 2
    return x * keep * (LEVELS / (LEVELS - dropped))


def seconds(drop: Callable[[Tensor], Tensor], x: Tensor, gradient: Tensor) -> float:
    """Return the CPU seconds of one forward pass and its gradient."""
    times = max(1, 500_000 // x.numel())
    began = time.process_time()
    for _ in range(times):
        drop(x).backward(gradient)
        x.grad = None
    return (time.process_time() - began) / times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    ours = Dropout(P).train()
    others = {"truth_values": with_truth_values, "torch": lambda x: F.dropout(x, P)}
    results: dict[str, object] = {}
    for shape in SHAPES:
        x, gradient = torch.randn(shape, requires_grad=True), torch.randn(shape)
        ways = {"ours": ours} | others
        taken = [
            {name: seconds(way, x, gradient) for name, way in ways.items()} for _ in range(ROUNDS)
        ]
        best = {name: min(seconds_of[name] for seconds_of in taken) for name in ways}
        ratios = {f"vs_{name}": best[name] / best["ours"] for name in others}
        results[f"{shape[0]}x{shape[1]}"] = ratios | {"ours_s": best["ours"]}
        print(shape, {name: round(value, 2) for name, value in ratios.items()})
    if options.json:
        written = results | {"environment": environment()}
        options.json.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
