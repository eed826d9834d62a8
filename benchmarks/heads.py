"""Training heads: our engine against the published way, side by side in one run.

    python benchmarks/heads.py --json benchmarks/results/heads.json

Ratios of medians of interleaved CPU seconds on one thread, or of seconds on a GPU. Simulated
features with the lengths of MSP-Podcast; both sides see the same utterances. The published way
(`published.py`) is padded, unmasked and reads .npy files.
"""

import argparse
import dataclasses
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).parent))
import published

from medusa.cache import FeatureSpec, Packed, StoreWriter
from medusa.ensemble import linear
from medusa.heads.config import Config, StageConfig, load
from medusa.heads.fit import prepare
from medusa.heads.flops import peak, train_flop
from medusa.heads.fusion import build
from medusa.heads.memory import peak_memory_gb
from medusa.heads.predict import predict
from medusa.heads.run_dir import RunDir, environment
from medusa.heads.train import Trainer
from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.texts import content_of
from medusa.workspace import Workspace

CLASSES, BATCH, WHISPER_FRAMES = 8, 16, 1500
NAMES = tuple(f"c{number}" for number in range(CLASSES))


def lengths(count: int, seed: int) -> np.ndarray:
    """(count, 2) frames and tokens: log-normal, mean 5.7 s, 50 frames and 3.4 tokens a second."""
    rng = np.random.default_rng(seed)
    seconds = rng.lognormal(np.log(5.7) - 0.125, 0.5, count).clip(1, 20)
    return np.stack([(seconds * 50).astype(int), np.maximum(3, seconds * 3.4).astype(int)], 1)


def timed(work: Callable[[], Any], device: torch.device) -> float:
    """Return seconds: of the CPU, or, on a GPU, until it is done."""
    if device.type == "cuda":
        torch.cuda.synchronize()
        began = time.perf_counter()
        work()
        torch.cuda.synchronize()
        return time.perf_counter() - began
    began = time.process_time()
    work()
    return time.process_time() - began


def in_turn(sides: Sequence[Callable[[], Any]], rounds: int, device: torch.device) -> list[float]:
    """Return the median seconds of each side, taken in turn."""
    taken: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, work in zip(taken, sides, strict=True):
            side.append(timed(work, device))
    return [statistics.median(one) for one in taken]


class Steps:
    """One training step of both sides on the same random utterances."""

    def __init__(
        self, width: int, widths: Sequence[int], sizes: np.ndarray, device: torch.device
    ) -> None:
        rng = np.random.default_rng(0)
        count = len(sizes)
        frames = [
            [torch.from_numpy(rng.normal(size=(n, d)).astype(np.float32)) for n in column]
            for column, d in zip(sizes.T, widths, strict=True)
        ]
        self.soft = torch.softmax(torch.randn(count, CLASSES), 1).to(device)
        self.ratings = (torch.rand(count, 3) * 6 + 1).to(device)
        self.packed = [Packed.of(one).to(device) for one in frames]
        self.padded = [torch.nn.utils.rnn.pad_sequence(one, True).to(device) for one in frames]
        feedforward = 2 * width
        config = load("medusa", (f"head.width={width}", f"head.feedforward={feedforward}"))
        self.head = build(config.head, widths, CLASSES).to(device).train()
        self.theirs = published.DeepSER(widths, width, feedforward, CLASSES).to(device).train()
        self.flop = train_flop(self.head, sizes.tolist(), widths) or 0.0
        self.fused = torch.optim.AdamW(self.head.parameters(), 1e-5, fused=True)
        self.plain = torch.optim.AdamW(self.theirs.parameters(), 1e-5)
        self.device = device

    def ours(self, bf16: bool = False) -> None:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            logits, attributes = self.head(self.packed)
        loss = 1.5 * torch.nn.functional.cross_entropy(logits.float(), self.soft)
        loss = loss + 0.4 * torch.nn.functional.mse_loss(attributes.float(), self.ratings)
        self.fused.zero_grad(set_to_none=True)
        loss.backward()
        self.fused.step()

    def published(self, bf16: bool = False) -> None:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            published.step(self.theirs, self.plain, self.padded, self.soft, self.ratings)


def steps(width: int, rounds: int, device: torch.device) -> dict[str, Any]:
    """WavLM + RoBERTa, batch 16: fp32, bf16 where the device is fast in it, FLOP.

    Every round is another random batch, since padding depends on its longest utterance; ratios
    are of sums over the rounds.
    """
    batches = [Steps(width, (1024, 1024), lengths(BATCH, 10 + n), device) for n in range(rounds)]
    batches[0].ours(), batches[0].published()
    flop = sum(one.flop for one in batches)
    ours = sum(timed(one.ours, device) for one in batches)
    theirs = sum(timed(one.published, device) for one in batches)
    found = {"step_fp32": theirs / ours, "step_s": ours / rounds, "step_bf16": None}
    most = peak(device) or matmul_peak(device)
    found |= {"mfu": flop / ours / most, "peak_flop_s": most, "true_flop": flop / rounds}
    if fast_in_bf16(device):
        batches[0].ours(True), batches[0].published(True)
        half = sum(timed(lambda one=one: one.ours(True), device) for one in batches)
        theirs_half = sum(timed(lambda one=one: one.published(True), device) for one in batches)
        found |= {"step_bf16": theirs_half / half, "step_bf16_s": half / rounds}
        found["bf16_against_published_fp32"] = theirs / half
        if peak(device):
            found["mfu"] = flop / half / most
            found["utterances_per_s"] = rounds * BATCH / half
    return found


def whisper(width: int, rounds: int, device: torch.device) -> float:
    """Whisper + RoBERTa: true lengths against 1,500 frames for everything."""
    sizes = lengths(BATCH // 2, 2)
    full = sizes.copy()
    full[:, 0] = WHISPER_FRAMES
    ours = Steps(width, (1280, 1024), sizes, device)
    theirs = Steps(width, (1280, 1024), full, device)
    took = in_turn([ours.ours, theirs.published], rounds, device)
    return took[1] / took[0]


def matmul_peak(device: torch.device) -> float:
    """Return the operations a second of a large product in fp32, measured."""
    a = torch.randn(1536, 1536, device=device)
    took = min(timed(lambda: a @ a, device) for _ in range(5))
    return 2 * 1536**3 / took


def fast_in_bf16(device: torch.device) -> bool:
    """Tell whether a product is faster in bf16 than in fp32 here."""
    a = torch.randn(1024, 1024, device=device)
    b = a.bfloat16()
    wide, half = in_turn([lambda: a @ a, lambda: b @ b], 5, device)
    return half < 0.8 * wide


def workspace(home: Path, sizes: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
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
    Manifest(frame, LabelScheme("simulated", NAMES)).write(home / "manifest.parquet")
    (home / "npy").mkdir()
    for number, (name, column) in enumerate(zip(("wavlm", "roberta"), sizes.T, strict=True)):
        kind, shift = (("audio", 0.02), ("text", None))[number]
        contents = frame["content"] if kind == "audio" else frame["text"].map(content_of)
        spec = FeatureSpec(
            name, "simulated", "local", "1", kind, (0,), "none", "float16", 1024, shift, {}
        )
        with StoreWriter(home / "features" / spec.folder, spec) as writer:
            for row, (content, length) in enumerate(zip(contents, column, strict=True)):
                values = rng.normal(size=(length, 1024)).astype(np.float16)
                writer.append(content, values[None])
                np.save(home / "npy" / f"{row}_{number}.npy", values.astype(np.float32))
    ratings = torch.from_numpy(frame[["arousal", "valence", "dominance"]].to_numpy(np.float32))
    return torch.eye(CLASSES)[labels], ratings


class OneEpoch:
    """Our trainer on a workspace, an epoch at a time."""

    def __init__(self, home: Path, config: Config, device: torch.device) -> None:
        job = prepare(Workspace.open(home), config, ["wavlm", "roberta"])
        head = build(config.head, job.examples.widths, CLASSES)
        run = RunDir(home / "run")
        run.path.mkdir()
        self.trainer = Trainer(head, job.examples, config, run, device)
        self.stage: StageConfig = config.stages[0]
        self.waited, self.seconds = 0.0, 0.0

    def __call__(self) -> None:
        trainer, began = self.trainer, time.monotonic()
        trainer._run_epoch(self.stage, trainer._corpus(self.stage))
        self.waited += trainer.waited
        self.seconds += time.monotonic() - began
        trainer.at.step, trainer.at.sums = 0, {}
        trainer.at.epoch += 1
        predict(trainer.head, trainer.examples, trainer.dev, trainer.device)


def epochs(width: int, count: int, rounds: int, device: torch.device) -> dict[str, float]:
    """A whole epoch, reading and the dev split included."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        sizes = lengths(count, 4)
        soft, ratings = workspace(home, sizes)
        config = load("medusa", (f"head.width={width}", f"head.feedforward={2 * width}"))
        config = dataclasses.replace(config, mixup=dataclasses.replace(config.mixup, p=0.0))
        ours = OneEpoch(home, config, device)
        files = published.Files(home / "npy", soft, ratings, 2)
        dev = [row for row in range(count) if row % 5 == 4]
        train = [row for row in range(count) if row % 5 != 4]
        model = published.DeepSER((1024, 1024), width, 2 * width, CLASSES)
        optimiser = torch.optim.AdamW(model.parameters(), 1e-5)

        def theirs() -> None:
            parts = [torch.utils.data.Subset(files, rows) for rows in (train, dev)]
            published.epoch(model, optimiser, *parts)  # type: ignore[arg-type]

        took = in_turn([ours, theirs], rounds, device)
        return {"epoch_fp32": took[1] / took[0], "data_wait_share": ours.waited / ours.seconds}


def stackers(members: int = 14, rows: int = 4000, epochs: int = 3) -> dict[str, float]:
    """The linear meta-classifier from many seeds: one batched product against a loop each."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, CLASSES, rows)
    inputs = rng.dirichlet(np.ones(CLASSES), (rows, members)).reshape(rows, -1)
    soft = np.eye(CLASSES, dtype=np.float32)[labels]
    lesson = linear.Lesson(inputs, labels, soft, None)
    training = linear.Training(epochs=epochs)
    drawn = int(np.bincount(labels).min()) * CLASSES
    tensors = torch.from_numpy(inputs).float(), torch.from_numpy(labels), torch.from_numpy(soft)
    cpu, found = torch.device("cpu"), {}
    for seeds in (6, 60):

        def theirs(seeds: int = seeds) -> None:
            for seed in range(seeds):
                published.stacker(*tensors, drawn, epochs, seed)

        def ours(seeds: int = seeds) -> None:
            linear.train(lesson, range(seeds), training)

        took = in_turn([ours, theirs], 3 if seeds == 6 else 1, cpu)
        found[f"stacker_{seeds}"] = took[1] / took[0]
    return found


def hours(utterances_per_s: float, device: torch.device) -> dict[str, float]:
    """Hours of 14 two-modality heads: 4 epochs of 75,000, 16 of 10,000, dev of 8,000 each time."""
    seen = 4 * 75_000 + 16 * 10_000 + 20 * 8_000 / 3
    here = 14 * seen / utterances_per_s / 3600
    return {"models_14": here, "models_14_on_3090": here * (peak(device) or 0) / 71e12}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--width", type=int, help="of the head in the steps")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--utterances", type=int, default=120, help="of the epoch")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    device = torch.device(options.device)
    width = options.width or (1024 if device.type == "cuda" else 512)
    small = width if device.type == "cuda" else 256
    results: dict[str, Any] = {"width": width, "width_whisper_epoch": small, "batch": BATCH}
    results |= steps(width, options.rounds, device)
    say(results)
    results["peak_memory_gb"] = peak_memory_gb(device)
    results["whisper_trimmed"] = whisper(small, 2, device)
    say(results)
    results |= epochs(small, options.utterances, 2, device)
    say(results)
    results |= stackers()
    if device.type == "cuda":
        results["hours"] = hours(results["utterances_per_s"], device)
    else:
        results["not_measured"] = (
            "full-size heads in bf16, their memory, MFU on a GPU and the hours of the 14 models: "
            "no GPU here; mfu is against this CPU's own fp32 matrix product"
        )
    results["environment"] = environment()
    say(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def say(results: dict[str, Any]) -> None:
    plain = {key: value for key, value in results.items() if isinstance(value, float | int)}
    print({key: round(value, 3) for key, value in plain.items()}, flush=True)


if __name__ == "__main__":
    main()
