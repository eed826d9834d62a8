"""Training heads: our engine against the published way, side by side in one run.

    python benchmarks/heads.py --json benchmarks/results/heads.json

The figures are ratios of CPU seconds on one thread, or of seconds on a GPU. Both sides are timed in
turn, with the same simulated features, whose lengths are those of MSP-Podcast. The published way
(`published.py`) is padded and unmasked, and reads .npy files. On a GPU, the script also times the
full-size heads, from which the hours for the paper's tables follow (`full_size.py`).
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import full_size
import numpy as np
import pandas as pd
import published
import torch
from head_steps import (
    BATCH,
    CLASSES,
    Batch,
    Ours,
    Published,
    drawn,
    in_turn,
    lengths,
    matmul_flop_s,
    padding,
    ratio,
    timed,
    typical,
)

from medusa.cache import FeatureSpec, StoreWriter
from medusa.ensemble import linear
from medusa.ensemble.stacker import Training, TrainSet
from medusa.heads.config import Config, load
from medusa.heads.fitting.fit import prepare
from medusa.heads.networks.flops import peak
from medusa.heads.networks.head import build
from medusa.heads.networks.memory import peak_memory_gb
from medusa.heads.runs.environment import environment
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.heads.training.loop import Trainer
from medusa.heads.training.predict import predict
from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.texts import content_of
from medusa.workspace import Workspace

WIDTHS, WHISPER_FRAMES = (1024, 1024), 1500
KINDS = {"fp32": torch.float32, "bf16": torch.bfloat16}
NAMES = tuple(f"c{number}" for number in range(CLASSES))


def steps(width: int, rounds: int, device: torch.device) -> dict[str, Any]:
    """Time training steps with WavLM and RoBERTa, batch 16, in fp32 and in bf16.

    Every round has another batch, since the padding depends on its longest utterance. A ratio is
    one of sums over the rounds. The MFU is that of the faster precision.
    """
    ours, theirs = Ours(WIDTHS, width, device), Published(WIDTHS, width, device)
    few = Batch.random(lengths(2, 9), WIDTHS, device)
    ours(few), theirs(few)
    sizes = typical(rounds)
    batches = [Batch.random(array, WIDTHS, device) for array in sizes]
    taken: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    fastest = dict.fromkeys(KINDS, 0.0)
    for batch in batches:
        for kind, dtype in KINDS.items():
            fastest[kind] = max(fastest[kind], *(matmul_flop_s(device, dtype) for _ in range(5)))
            bf16 = kind == "bf16"
            pair = [timed(partial(side, batch, bf16), device) for side in (ours, theirs)]
            taken[kind].append(pair)
    measured: dict[str, Any] = {"padding_rounds": [padding(array) for array in sizes]}
    measured["padding_mean"] = float(np.mean([padding(array) for array in drawn()]))
    for kind, pairs in taken.items():
        mine, other = (sum(side) for side in zip(*pairs, strict=True))
        measured |= {f"step_{kind}": other / mine, f"step_{kind}_s": mine / rounds}
        measured[f"step_{kind}_rounds"] = [b / a for a, b in pairs]
        measured[f"product_{kind}_flop_s"] = fastest[kind]
    flop = sum(ours.flop(batch) for batch in batches) / rounds
    faster = min(KINDS, key=lambda kind: measured[f"step_{kind}_s"])
    best, peak_flop_s = measured[f"step_{faster}_s"], peak(device) or fastest[faster]
    return measured | {
        "true_flop": flop,
        "peak_flop_s": peak_flop_s,
        "mfu": flop / best / peak_flop_s,
    }


def whisper(width: int, rounds: int, device: torch.device) -> float:
    """Compare true lengths with 1,500 frames for every utterance, with Whisper and RoBERTa."""
    sizes = lengths(BATCH // 2, 2)
    full = sizes.copy()
    full[:, 0] = WHISPER_FRAMES
    widths = (1280, 1024)
    ours, theirs = Ours(widths, width, device), Published(widths, width, device)
    trimmed, padded = (Batch.random(array, widths, device) for array in (sizes, full))
    return ratio(in_turn([lambda: ours(trimmed), lambda: theirs(padded)], rounds, device))


def memory(width: int, kind: str, device: torch.device, bf16: bool) -> float:
    """Return the peak memory, in GB, of two steps of one head, which is alone in its process."""
    widths = (1024,) * len(kind)
    ours = Ours(widths, width, device)
    for seed in range(2):
        ours(Batch.random(lengths(BATCH, 10 + seed, kind), widths, device), bf16)
    return peak_memory_gb(device)


def memory_apart(width: int, kind: str, device: torch.device) -> float:
    """Run `memory` in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--memory", kind, "--width", str(width)]
    finished = subprocess.run(
        [*command, "--device", str(device)], check=True, capture_output=True, text=True
    )
    return float(finished.stdout)


def workspace(root: Path, sizes: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Write the same features into a workspace and as .npy files; a fifth of the rows is dev."""
    rng = np.random.default_rng(3)
    count = len(sizes)
    frame = pd.DataFrame({"id": [f"u{row:06d}" for row in range(count)]})
    frame["content"], frame["text"] = frame["id"] + " heard", frame["id"] + " said"
    frame["split"] = np.where(np.arange(count) % 5 == 4, "dev", "train")
    labels = np.arange(count) % CLASSES
    frame["label"] = [NAMES[label] for label in labels]
    frame[[f"p_{name}" for name in NAMES]] = np.eye(CLASSES)[labels]
    frame[["arousal", "valence", "dominance"]] = rng.uniform(1, 7, (count, 3))
    Manifest(frame, LabelScheme("simulated", NAMES)).write(root / "manifest.parquet")
    (root / "npy").mkdir()
    for number, (name, column) in enumerate(zip(("wavlm", "roberta"), sizes.T, strict=True)):
        kind, shift = (("audio", 0.02), ("text", None))[number]
        contents = frame["content"] if kind == "audio" else frame["text"].map(content_of)
        spec = FeatureSpec(
            name, "simulated", "local", "1", kind, (0,), "none", "float16", 1024, shift, {}
        )
        with StoreWriter(root / "features" / spec.folder, spec) as writer:
            for row, (content, length) in enumerate(zip(contents, column, strict=True)):
                values = rng.standard_normal((length, 1024), np.float32).astype(np.float16)
                writer.append(content, values[None])
                np.save(root / "npy" / f"{row}_{number}.npy", values.astype(np.float32))
    ratings = torch.from_numpy(frame[["arousal", "valence", "dominance"]].to_numpy(np.float32))
    return torch.eye(CLASSES)[labels], ratings


class OneEpoch:
    """Our trainer on a workspace; each call trains for one epoch."""

    def __init__(self, root: Path, config: Config, device: torch.device) -> None:
        job = prepare(Workspace.open(root), HeadSpec("a", config, ("wavlm", "roberta")))
        head = build(config.head, job.examples.widths, CLASSES)
        run = RunDir(root / "run")
        run.path.mkdir()
        self.trainer = Trainer(head, job.examples, config, run, device)
        self.stage = config.stages[0]
        self.waited, self.seconds = 0.0, 0.0

    def __call__(self) -> None:
        trainer, began = self.trainer, time.monotonic()
        trainer._run_epoch(self.stage, trainer.statistics(self.stage))
        if self.trainer.device.type == "cuda":
            torch.cuda.synchronize()
        self.waited += trainer.meter.seconds["waited"]
        trainer.meter.begin_epoch()
        self.seconds += time.monotonic() - began
        trainer.state.step, trainer.state.sums = 0, {}
        trainer.state.epoch += 1
        predict(trainer.head, trainer.examples, trainer.selector.rows, trainer.device)


def epochs(width: int, count: int, rounds: int, device: torch.device) -> dict[str, float]:
    """Time a whole epoch of the trainer, which includes reading and the dev split."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        soft, ratings = workspace(root, lengths(count, 4))
        config = load("medusa", (f"head.width={width}", f"head.feedforward={2 * width}"))
        config = dataclasses.replace(config, mixup=dataclasses.replace(config.mixup, p=0.0))
        ours = OneEpoch(root, config, device)
        files = published.Files(root / "npy", soft, ratings, 2)
        dev = torch.utils.data.Subset(files, [row for row in range(count) if row % 5 == 4])
        train = torch.utils.data.Subset(files, [row for row in range(count) if row % 5 != 4])
        other = Published(WIDTHS, width, device)
        workers = 4 if device.type == "cuda" else 0

        def theirs() -> None:
            published.epoch(other.head, other.optimiser, train, dev, device, workers)

        taken = in_turn([ours, theirs], rounds, device)
        # The trainer uses bf16 on a GPU that has it.
        kind = "fp32" if device.type == "cpu" else "bf16_against_fp32"
        return {f"epoch_{kind}": ratio(taken), "data_wait_share": ours.waited / ours.seconds}


def stackers(members: int = 14, rows: int = 4000, epochs: int = 3) -> dict[str, float]:
    """Train the linear meta-classifier from many seeds: in one batched product, and in a loop."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, CLASSES, rows)
    inputs = rng.dirichlet(np.ones(CLASSES), (rows, members)).reshape(rows, -1)
    soft = np.eye(CLASSES, dtype=np.float32)[labels]
    ratings = rng.uniform(1, 7, (rows, 3)).astype(np.float32)
    posteriors = np.zeros((0, *soft.shape), np.float32)
    train_set = TrainSet(inputs, labels, soft, ratings, posteriors)
    training = Training(epochs=epochs)
    drawn = int(np.bincount(labels).min()) * CLASSES
    tensors = [
        torch.from_numpy(array) for array in (inputs.astype(np.float32), labels, soft, ratings)
    ]
    cpu, measured = torch.device("cpu"), {}
    for seeds in (6, 60):

        def theirs(seeds: int = seeds) -> None:
            for seed in range(seeds):
                published.stacker(*tensors, drawn, epochs, seed)

        def ours(seeds: int = seeds) -> None:
            linear.train(train_set, range(seeds), training)

        measured[f"stacker_{seeds}"] = ratio(in_turn([ours, theirs], 5 if seeds == 6 else 2, cpu))
    return measured


def measure(options: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """Return all figures that this device can measure."""
    width, small = options.width, options.small_width
    results: dict[str, Any] = {"width": width, "width_whisper_epoch": small, "batch": BATCH}
    results["rounds"] = options.rounds
    parts = [
        lambda: steps(width, options.rounds, device),
        lambda: {"peak_memory_gb": memory_apart(width, "at", device)},
        lambda: {"whisper_trimmed": whisper(small, 2, device)},
        lambda: epochs(small, options.utterances, 2, device),
        stackers,
    ]
    if device.type == "cuda":
        parts.append(lambda: {"full_size": full_size.measure(device, memory_apart)})
    for part in parts:
        measured = part()
        results |= measured
        print({key: _short(value) for key, value in measured.items()}, flush=True)
    if device.type == "cpu":
        results["not_measured"] = (
            "full-size heads in bf16 with two and three modalities: utterances/s, MFU, waiting, "
            "memory, hours of the 14 models and Table 2: this machine has no GPU. mfu is the share "
            "of this CPU's own fastest product; peak_memory_gb is the memory of the process"
        )
    return results | {"environment": environment()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--width", type=int, default=1024, help="the width of the head in the steps"
    )
    parser.add_argument(
        "--small-width", type=int, help="the width of the heads for Whisper and the epoch"
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="the number of random batches in the steps"
    )
    parser.add_argument("--utterances", type=int, help="the number of utterances in the epoch")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--memory", choices=("at", "aat"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    device = torch.device(options.device)
    on_gpu = device.type == "cuda"
    if options.memory:
        print(memory(options.width, options.memory, device, bf16=on_gpu))
        return
    options.small_width = options.small_width or (options.width if on_gpu else 256)
    options.utterances = options.utterances or (1600 if on_gpu else 80)
    results = measure(options, device)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _short(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # the process of `memory_apart` inherits it
    main()
