"""Training heads: our engine against the published way, side by side in one run.

    python benchmarks/heads.py --json benchmarks/results/heads.json

Ratios of CPU seconds on one thread, or of seconds on a GPU, both sides taken in turn. Simulated
features with the lengths of MSP-Podcast; both sides see the same utterances. The published way
(`published.py`) is padded, unmasked and reads .npy files. On a GPU also the full-size heads, and
from them the hours of the paper's tables (`full_size.py`).
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
from medusa.heads.config import Config, load
from medusa.heads.fitting.prepare import prepare
from medusa.heads.networks.flops import peak
from medusa.heads.networks.fusion import build
from medusa.heads.networks.memory import peak_memory_gb
from medusa.heads.runs.environment import environment
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.training.loop import Trainer
from medusa.heads.training.predict import predict
from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.texts import content_of
from medusa.workspace import Workspace

WIDTHS, WHISPER_FRAMES = (1024, 1024), 1500
KINDS = {"fp32": torch.float32, "bf16": torch.bfloat16}
NAMES = tuple(f"c{number}" for number in range(CLASSES))


def steps(width: int, rounds: int, device: torch.device) -> dict[str, Any]:
    """WavLM + RoBERTa, batch 16, both sides in fp32 and both in bf16.

    Every round is another batch, since padding depends on its longest utterance; ratios are of
    sums over the rounds. The MFU is that of the faster precision.
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
    """Whisper + RoBERTa: true lengths against 1,500 frames for everything."""
    sizes = lengths(BATCH // 2, 2)
    full = sizes.copy()
    full[:, 0] = WHISPER_FRAMES
    widths = (1280, 1024)
    ours, theirs = Ours(widths, width, device), Published(widths, width, device)
    trimmed, padded = (Batch.random(array, widths, device) for array in (sizes, full))
    return ratio(in_turn([lambda: ours(trimmed), lambda: theirs(padded)], rounds, device))


def memory(width: int, kind: str, device: torch.device, bf16: bool) -> float:
    """Return the most memory, in GB, that two steps of one head take; alone in its process."""
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
    """Write the same features as a workspace and as .npy files; a fifth of the rows is dev."""
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
    """Our trainer on a workspace, an epoch at a time."""

    def __init__(self, root: Path, config: Config, device: torch.device) -> None:
        job = prepare(Workspace.open(root), config, ["wavlm", "roberta"])
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
    """A whole epoch, reading and the dev split included, as the trainer runs it."""
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
        # the trainer is in bf16 where a GPU has it
        kind = "fp32" if device.type == "cpu" else "bf16_against_fp32"
        return {f"epoch_{kind}": ratio(taken), "data_wait_share": ours.waited / ours.seconds}


def stackers(members: int = 14, rows: int = 4000, epochs: int = 3) -> dict[str, float]:
    """The linear meta-classifier from many seeds: one batched product against a loop each."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, CLASSES, rows)
    inputs = rng.dirichlet(np.ones(CLASSES), (rows, members)).reshape(rows, -1)
    soft = np.eye(CLASSES, dtype=np.float32)[labels]
    ratings = rng.uniform(1, 7, (rows, 3)).astype(np.float32)
    train_set = linear.TrainSet(inputs, labels, soft, ratings)
    training = linear.Training(epochs=epochs)
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
    """Return everything there is to measure on this device."""
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
            "memory, hours of the 14 models and Table 2; no GPU here. mfu is the share of this "
            "CPU's own fastest product, not of a data sheet; peak_memory_gb is the process's"
        )
    return results | {"environment": environment()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--width", type=int, default=1024, help="of the head in the steps")
    parser.add_argument("--small-width", type=int, help="of the heads for Whisper and the epoch")
    parser.add_argument("--rounds", type=int, default=3, help="random batches of the steps")
    parser.add_argument("--utterances", type=int, help="of the epoch")
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
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # for the process of `memory_apart`
    main()
