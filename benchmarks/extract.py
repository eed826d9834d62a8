"""Extraction against the published way and plain batches, backbone by backbone, in one run.

    python benchmarks/extract.py --audio FOLDER --json benchmarks/results/extract.json

ours: `medusa extract` without its command line, from files to a committed store.
published: one file at a time, float32, read from disk and resampled, by transformers, all hidden
states, one .npy an utterance. (Its speech is not cut into the published code's pieces of 0.19 s.)
batched: sixteen files at a time in the corpus's order, padded, with masks, else as published.
Random weights: `small` on CPUs, `full` (wavlm-large, whisper-large-v3, ...) where a GPU is.
Without --audio, noise with the lengths of acted corpora. The ways are timed in turn, the fastest
round of each is kept.

openai (Whisper): as published, by openai-whisper's own encoder.
difference (Whisper): the largest between ours, kept in float16, and the published way's features,
by the largest feature. (The other families: fidelity.py.)
mfu: operations counted over one real batch, padding included, by its time and the bf16 peak of the
device; null where no peak is known. at_most (Whisper, which pads all clips alike): what
vs_published would be if ours ran its products at the speed of a large fp32 product, and attention's
exponentials at theirs, and did nothing else.
one_decode: three speech encoders from one pass over the audio against three passes.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import soundfile
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode
from ways import TEXT, OpenAI, Published, published

from medusa.cache import FeatureStore
from medusa.extract.devices import batch_seconds
from medusa.extract.jobs import Job, plan_jobs
from medusa.extract.plan import batches
from medusa.extract.precision import lowered, pick
from medusa.extract.run import extract
from medusa.extract.stream import fetched
from medusa.extract.together import extract_together
from medusa.heads.flops import peak as peak_flop
from medusa.heads.memory import peak_memory_gb
from medusa.heads.run_dir import environment
from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.audio import content_of, recording_of
from medusa.workspace import Workspace, remove

BACKBONES = ("wavlm", "hubert", "whisper", "roberta", "modernbert")
SPEECH = ("wavlm", "hubert", "whisper")
SIDE = 2048  # of the largest product
PASSES = ("one_pass", "one_decode")
WORDS = [
    "well",
    "i",
    "really",
    "did",
    "not",
    "think",
    "that",
    "you",
    "would",
    "come",
    "back",
    "so",
    "soon",
    "after",
    "all",
    "of",
    "this",
]


def corpus(home: Path, audio: Path | None, count: int) -> list[Path]:
    """Write a manifest of `count` files with made-up texts into a workspace."""
    import pandas as pd

    paths = sorted(audio.glob("**/*.wav"))[:count] if audio else list(_noise(home, count))
    facts = [recording_of(path) for path in paths]
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": [f"u{number}" for number in range(len(paths))],
            "path": [str(path.resolve()) for path in paths],
            "start_s": 0.0,
            "duration_s": [one.facts.duration_s for one in facts],
            "content": [content_of(one.digest, 0.0, one.facts.duration_s) for one in facts],
            "text": [" ".join(rng.choice(WORDS, rng.integers(3, 30))) for _ in paths],
        }
    )
    manifest = Manifest(frame, LabelScheme("none", ("a", "b")), root=home)
    manifest.write(home / "manifest.parquet")
    return paths


def _noise(home: Path, count: int) -> Iterator[Path]:
    rng = np.random.default_rng(1)
    for number, seconds in enumerate(rng.lognormal(1.0, 0.4, count).clip(1, 12)):
        path = home / f"{number}.wav"
        soundfile.write(path, rng.standard_normal(int(seconds * 16000)) * 0.1, 16000)
        yield path


def measure(
    name: str, path: Path, home: Path, device: str, rounds: int, precision: str
) -> dict[str, Any]:
    """Return one backbone's figures."""
    asked = "whisper" if name == "whisper" else "auto"
    precision = pick(precision, device)
    (job,) = plan_jobs(Workspace.open(home), [asked], str(path), precision=precision)
    remove(job.store)
    extract(job, device, None)
    peak = peak_memory_gb(torch.device(device))  # before the other ways take any
    model = Published(name, path, device)
    ways: dict[str, tuple[Published | OpenAI, int]] = {"batched": (model, 16)}
    ways |= {"openai": (OpenAI(path, device), 1)} if name == "whisper" else {}
    ways["published"] = (model, 1)
    (home / "npy").mkdir(exist_ok=True)
    best = dict.fromkeys(("ours", *ways), math.inf)
    busy = 0.0
    for number in range(rounds + 1):  # the first round warms up
        remove(job.store)
        outcome = extract(job, device, None)
        if outcome.problems:
            raise SystemExit("\n".join(outcome.problems))
        times = {"ours": outcome.elapsed_s}
        for way, (runs, batch) in ways.items():
            times[way] = _timed(partial(published, job, runs, home / "npy", batch))
        if number:
            busy = max(busy, outcome.busy.seconds / outcome.elapsed_s)
            best = {way: min(best[way], times[way]) for way in best}
    seconds = sum(one.source.duration_s for one in job.utterances if name not in TEXT)
    return {
        "x_real_time": seconds / best["ours"] if seconds else None,
        "utterances_per_s": len(job.utterances) / best["ours"],
        **{f"vs_{way}": best[way] / best["ours"] for way in ways},
        "busy_share": busy,
        "peak_memory_gb": peak,
        "precision": precision,
        **utilisation(job, device),
        **(of_whisper(job, device, best["published"], home / "npy") if name == "whisper" else {}),
    }


def of_whisper(job: Job, device: str, published_s: float, folder: Path) -> dict[str, float]:
    """Return what is said of Whisper alone."""
    return {
        "difference": difference(job, folder),
        "at_most": at_most(job, device, published_s),
    }


def difference(job: Job, folder: Path) -> float:
    """Return how far stored features are from those of the way timed last, by their largest."""
    store, found = FeatureStore.open(job.store), 0.0
    some = job.utterances[:20]
    packed = store.read([one.content for one in some])
    for one, mine in zip(some, packed.split(), strict=True):
        theirs = torch.from_numpy(np.load(folder / f"{one.id}.npy"))[: len(mine)]
        found = max(found, float((mine.float() - theirs).abs().max() / theirs.abs().max()))
    return found


def utilisation(job: Job, device: str) -> dict[str, float | None]:
    """Return the operations a second of one real batch, and their share of the device's peak."""
    encoder = job.load(device)
    encode = lowered(encoder.encode, job.backbone, device)
    most_s = batch_seconds(device, job.backbone.least_s)
    batch = next(batches(job.utterances, most_s, job.backbone.least_s))
    items = [encoder.prepare(fetched(one, job.backbone.rate_hz or 0)) for one in batch]
    encode(items)  # warms up, and checks half precision
    # the fused attention of CPUs is not among the operations that are counted
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        encode(items)

    def once() -> None:
        encode(items)
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)

    once()
    speed = counter.get_total_flops() / min(_timed(once) for _ in range(3))
    most = peak_flop(torch.device(device))
    return {"tflop_per_s": speed / 1e12, "mfu": speed / most if most else None}


def at_most(job: Job, device: str, published_s: float) -> float:
    """Return how many times the published way could be outdone by operations at full speed.

    Of an encoder that pads every clip to the same length: the products that ours needs at the speed
    of the device's largest in float32, and after them attention's exponentials at theirs.
    """
    encoder, clip = job.load(device), job.utterances[:1]
    items = [encoder.prepare(fetched(one, job.backbone.rate_hz or 0)) for one in clip]
    counter = FlopCounterMode(display=False)
    with sdpa_kernel(SDPBackend.MATH), counter, Exponentials() as exponentials:
        encoder.encode(items)
    square = torch.randn(SIDE, SIDE, device=device)
    product_s = _fastest(lambda: square @ square) / (2 * SIDE**3)
    some = square[: SIDE // 16]  # small enough for a processor's cache
    room = torch.empty_like(some)
    exponential_s = _fastest(lambda: torch.exp(some, out=room)) / some.numel()
    clip_s = counter.get_total_flops() * product_s + exponentials.count * exponential_s
    return published_s / (clip_s * len(job.utterances))


class Exponentials(TorchDispatchMode):
    """Counts the exponentials of the attentions that are computed inside."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if "softmax" in str(func):
            self.count += found.numel()
        return found


def _fastest(work: Callable[[], Tensor]) -> float:
    """Return the seconds of the fastest of thirty runs, waited for."""
    return min(_timed(lambda: work().flatten()[0].item()) for _ in range(30))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def one_pass(path: Path, home: Path, device: str) -> dict[str, float]:
    """Time Whisper's features and transcripts in one pass against two passes."""
    from medusa.extract.once import extract_and_transcribe
    from medusa.extract.transcribe import transcribe

    (job,) = plan_jobs(Workspace.open(home), ["whisper"], str(path), dtype="float32")
    few = Job(job.backbone, job.spec, job.store, job.utterances[:40])
    remove(few.store)
    asked: Any = {"language": "en", "max_tokens": 8}
    features = extract(few, device, None).elapsed_s
    text = transcribe(few.utterances, home / "two", str(path), device, **asked).elapsed_s
    remove(few.store)
    both, _ = extract_and_transcribe(few, home / "one", device, None, **asked)
    return {"two_passes_s": features + text, "one_pass_s": both.elapsed_s, "encoder_s": features}


def one_decode(
    paths: dict[str, Path], home: Path, device: str, rounds: int, precision: str
) -> dict[str, float]:
    """Time three speech encoders from one pass over the audio against three passes."""
    jobs = [
        plan_jobs(
            Workspace.open(home),
            ["whisper" if name == "whisper" else "auto"],
            str(path),
            label=name,
            precision=pick(precision, device),
        )[0]
        for name, path in paths.items()
    ]
    best = {"three_passes_s": 1e9, "one_pass_s": 1e9}
    for number in range(rounds + 1):  # the first round warms up
        for job in jobs:
            remove(job.store)
        three = sum(extract(job, device, None).elapsed_s for job in jobs)
        for job in jobs:
            remove(job.store)
        one = extract_together(jobs, device, None)[0].elapsed_s
        if number:
            times = {"three_passes_s": three, "one_pass_s": one}
            best = {way: min(best[way], times[way]) for way in best}
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", type=Path, help="a folder of wavs, of one channel")
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--size", choices=tuple(checkpoints.SIZES))
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", choices=(*BACKBONES, *PASSES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    size = options.size or ("full" if options.device.startswith("cuda") else "small")
    if options.only:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            corpus(home, options.audio, options.count)
            how = (options.device, options.rounds, options.precision)
            if options.only == "one_decode":
                paths = {name: checkpoints.write(name, home, size) for name in SPEECH}
                found: Any = one_decode(paths, home, *how)
            elif options.only == "one_pass":
                path = checkpoints.write("whisper", home, size)
                found = one_pass(path, home, options.device)
            else:
                path = checkpoints.write(options.only, home, size)
                found = measure(options.only, path, home, *how)
            print(json.dumps(found))
        return
    results: dict[str, Any] = {}
    for name in (*BACKBONES, *PASSES):  # each alone, for its own peak of memory
        command = [sys.executable, "-W", "ignore", __file__, "--only", name, "--size", size]
        command += ["--count", str(options.count), "--rounds", str(options.rounds)]
        command += ["--device", options.device, "--precision", options.precision]
        command += ["--audio", str(options.audio)] if options.audio else []
        waiting = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}  # as the `medusa` command does
        said = subprocess.run(command, check=True, capture_output=True, text=True, env=waiting)
        results[name] = json.loads(said.stdout.splitlines()[-1])
        print(name, {key: _short(value) for key, value in results[name].items()}, flush=True)
    results |= {"size": size, "corpus": "recordings" if options.audio else "noise"}
    results["utterances"] = options.count
    if size != "full":
        results["not_measured"] = "full-size encoders in bf16, their memory and MFU: no GPU here"
    results["environment"] = environment()
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _short(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
