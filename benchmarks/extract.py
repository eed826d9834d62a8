"""The speed of extraction against the published way and plain batches, for every backbone.

    python benchmarks/extract.py --audio FOLDER --json benchmarks/results/extract.json

The ways:

ours: `medusa extract` without its command line, from files to a committed store.
published: transformers encode one file at a time in float32, which is read from disk and resampled.
All hidden states are computed, and one .npy file is written per utterance. Speech is not cut into
the published code's pieces of 0.19 s.
batched: the published way with sixteen files at a time in the corpus's order, padded and masked.
openai (Whisper): the published way with openai-whisper's own encoder.
short_window (Whisper): ours with `window_s=12`, which gives other features.
one_decode: one pass over the audio for three speech encoders, against three passes.

The weights are random: `small` on CPUs, and `full` (wavlm-large, whisper-large-v3, ...) on a GPU.
Without --audio, the recordings are noise with the lengths of acted corpora. Every way has a process
and an environment of its own: ours has that of `medusa`, the others have that of a script. They are
timed in turn. The fastest round of each is kept, and all rounds are reported.

The figures:

difference (Whisper): the largest difference between our features, stored in float16, and those of
the published way, as a share of the largest feature. fidelity.py compares the other families.
share_of_peak: the headline of `medusa extract`. The operations of the encoder without padding,
estimated from its dimensions, divided by the time from files to the store, and by the speed of the
device's own large matrix product, measured in the same precision.
mfu: the same for the model alone: the counted operations of one real batch, padding included,
divided by its time and by the speed of the product.
at_most (Whisper, which pads all clips alike): the value that vs_published would have if ours ran
its products at the speed of a large fp32 product and the exponentials of attention at full speed,
and did nothing else.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import soundfile
import torch
from full_speed import least_s, timed, utilisation
from turns import Turn, serve
from ways import TEXT, OpenAI, Published, published

from medusa.cache import FeatureStore
from medusa.extract.extraction_options import ExtractionOptions
from medusa.extract.passes.run_pass import fill_stores
from medusa.extract.planning.jobs import ExtractionJob, plan_jobs
from medusa.heads.networks.memory import peak_memory_gb
from medusa.heads.runs.environment import environment
from medusa.manifests import LabelScheme, Manifest
from medusa.manifests.audio import content_of, recording_of
from medusa.workspace import Workspace, remove

BACKBONES = ("wavlm", "hubert", "whisper", "roberta", "modernbert")
SPEECH = ("wavlm", "hubert", "whisper")
OURS = ("ours", "short")
SHARES = ("busy_share", "share_of_peak")
PASSES = ("one_pass", "one_decode")
SHORT_S = 12.0  # Whisper's usual window has 30 s
MEDUSAS = {"OMP_WAIT_POLICY": "PASSIVE"}  # the `medusa` command sets this
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


def corpus(workspace: Path, audio: Path | None, count: int) -> list[Path]:
    """Write a manifest of `count` files with made-up texts into a workspace."""
    import pandas as pd

    paths = sorted(audio.glob("**/*.wav"))[:count] if audio else list(_noise(workspace, count))
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
    manifest = Manifest(frame, LabelScheme("none", ("a", "b")), root=workspace)
    manifest.write(workspace / "manifest.parquet")
    return paths


def _noise(workspace: Path, count: int) -> Iterator[Path]:
    """Write files of noise, and yield their paths."""
    rng = np.random.default_rng(1)
    for number, seconds in enumerate(rng.lognormal(1.0, 0.4, count).clip(1, 12)):
        path = workspace / f"{number}.wav"
        soundfile.write(path, rng.standard_normal(int(seconds * 16000)) * 0.1, 16000)
        yield path


def measure(name: str, options: argparse.Namespace, size: str) -> dict[str, Any]:
    """Return the figures of one backbone; its ways are timed in turn, each in its own process."""
    ways = ["ours", "batched", *(["openai", "short"] if name == "whisper" else []), "published"]
    with ExitStack() as stack:
        workspace = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        count = len(corpus(workspace, options.audio, options.count))
        path = checkpoints.write(name, workspace, size)
        command = [
            __file__,
            "--only",
            name,
            "--workspace",
            str(workspace),
            "--checkpoint",
            str(path),
        ]
        command += ["--device", options.device, "--precision", options.precision, "--way"]
        # `medusa` sets this for itself; a script has the default of the library.
        turns = {
            way: stack.enter_context(Turn([*command, way], MEDUSAS if way in OURS else {}))
            for way in ways
        }
        rounds = [
            {way: turn.round() for way, turn in turns.items()} for _ in range(options.rounds + 1)
        ]
        figures = {way: turn.end() for way, turn in turns.items()}["ours"]
    rounds = rounds[1:]  # the first round warms up
    best = {way: min(one[way]["seconds"] for one in rounds) for way in ways}
    if name == "whisper":
        short = {"window_s": SHORT_S, "vs_whole": best["ours"] / best["short"]}
        figures["short_window"] = short | {"utterances_per_s": count / best["short"]}
    at_full_s, audio_s = figures.pop("least_s", None), figures.pop("audio_s")
    return {
        "x_real_time": audio_s / best["ours"] if audio_s else None,
        "utterances": count,
        "utterances_per_s": count / best["ours"],
        **{f"vs_{way}": best[way] / best["ours"] for way in ways if way not in OURS},
        "rounds": [{way: one[way]["seconds"] for way in ways} for one in rounds],
        **{kind: max(one["ours"][kind] for one in rounds) for kind in SHARES},
        **figures,
        **({"at_most": best["published"] / at_full_s} if at_full_s else {}),
    }


def take_turns(name: str, options: argparse.Namespace) -> None:
    """Run one way in this process, one round for each turn."""
    workspace, device = options.workspace, options.device
    backbone = "whisper" if name == "whisper" else "auto"
    precision = pick_precision(options.precision, device)
    window_s = SHORT_S if options.way == "short" else None
    choices = ExtractionOptions(checkpoint=str(options.checkpoint), window_s=window_s)
    (job,) = plan_jobs(Workspace.open(workspace), [backbone], choices, precision)
    (workspace / "npy").mkdir(exist_ok=True)
    if options.way in OURS:
        figures = partial(of_ours, name, job, device, precision, workspace)
        serve(partial(ours, job, device), figures if options.way == "ours" else dict)
        return
    model = (OpenAI if options.way == "openai" else Published)(
        name, Path(options.checkpoint), device
    )
    batch = 16 if options.way == "batched" else 1
    serve(partial(theirs, job, model, workspace / "npy", batch, device), dict)


def ours(job: ExtractionJob, device: str) -> dict[str, float]:
    """Extract one time, and return the seconds and the use of the device."""
    remove(job.store)
    (outcome,) = fill_stores([job], device)
    if outcome.problems:
        raise SystemExit("\n".join(outcome.problems))
    given_back(device)
    seconds = outcome.elapsed_s
    busy, of_peak = outcome.timer.seconds / seconds, outcome.share_of_peak or 0.0
    return {"seconds": seconds, **dict(zip(SHARES, (busy, of_peak), strict=True))}


def theirs(
    job: ExtractionJob, model: Published | OpenAI, folder: Path, batch: int, device: str
) -> dict[str, float]:
    """Return the seconds of one round of another way."""
    seconds = timed(partial(published, job, model, folder, batch))
    given_back(device)
    return {"seconds": seconds}


def given_back(device: str) -> None:
    """Free the memory of a GPU for the next process."""
    if device.startswith("cuda"):
        torch.cuda.empty_cache()


def of_ours(
    name: str, job: ExtractionJob, device: str, precision: str, workspace: Path
) -> dict[str, Any]:
    """Return the figures of our way in addition to its times."""
    audio_s = sum(one.source.duration_s for one in job.utterances if name not in TEXT)
    measured = {"audio_s": audio_s, "peak_memory_gb": peak_memory_gb(torch.device(device))}
    measured |= {"precision": precision} | utilisation(job, device)
    if name == "whisper":
        measured |= {
            "difference": difference(job, workspace / "npy"),
            "least_s": least_s(job, device),
        }
    return measured


def difference(job: ExtractionJob, folder: Path) -> float:
    """Return the largest difference from the features of the way timed last, as a share."""
    store, measured = FeatureStore.open(job.store), 0.0
    some = job.utterances[:20]
    packed = store.read([one.content for one in some])
    for one, mine in zip(some, packed.split(), strict=True):
        theirs = torch.from_numpy(np.load(folder / f"{one.id}.npy"))[: len(mine)]
        measured = max(measured, float((mine.float() - theirs).abs().max() / theirs.abs().max()))
    return measured


def one_pass(path: Path, workspace: Path, device: str) -> dict[str, float]:
    """Time Whisper's features and transcripts in one pass against two passes."""
    from medusa.extract.passes.run_pass import run_pass
    from medusa.extract.transcription.joint_worker import JointWorker
    from medusa.extract.transcription.sink import TranscriptSink
    from medusa.extract.transcription.transcript_worker import TranscriptWorker
    from medusa.extract.transcription.transcription_options import TranscriptionOptions
    from medusa.extract.transcription.whisper_decoder import decoder_of

    choices = ExtractionOptions(checkpoint=str(path), dtype="float32")
    (job,) = plan_jobs(Workspace.open(workspace), ["whisper"], choices)
    few = ExtractionJob(job.backbone, job.spec, job.store, job.utterances[:40])
    remove(few.store)
    decoding = TranscriptionOptions(language="en", max_tokens=8)
    features = fill_stores([few], device)[0].elapsed_s
    text = TranscriptWorker(str(path), decoding, few.utterances, workspace / "two")
    run_pass([text], device)
    remove(few.store)
    file = decoder_of(few.backbone, "en")
    sink = TranscriptSink.open(workspace / "one", file, decoding, few.utterances)
    both = JointWorker(few, device, "refuse", sink)
    run_pass([both], device)
    two_passes_s = features + text.outcome.elapsed_s
    one_pass_s = both.outcome.elapsed_s
    return {"two_passes_s": two_passes_s, "one_pass_s": one_pass_s, "encoder_s": features}


def one_decode(
    paths: dict[str, Path], workspace: Path, device: str, rounds: int, precision: str
) -> dict[str, float]:
    """Time three speech encoders from one pass over the audio against three passes."""
    jobs = [
        plan_jobs(
            Workspace.open(workspace),
            ["whisper" if name == "whisper" else "auto"],
            ExtractionOptions(checkpoint=str(path), label=name),
            pick_precision(precision, device),
        )[0]
        for name, path in paths.items()
    ]
    best = {"three_passes_s": 1e9, "one_pass_s": 1e9}
    for number in range(rounds + 1):  # the first round warms up
        for job in jobs:
            remove(job.store)
        three = sum(fill_stores([job], device)[0].elapsed_s for job in jobs)
        for job in jobs:
            remove(job.store)
        one = fill_stores(jobs, device)[0].elapsed_s
        if number:
            times = {"three_passes_s": three, "one_pass_s": one}
            best = {way: min(best[way], times[way]) for way in best}
    return best


def apart(name: str, options: argparse.Namespace, size: str) -> dict[str, float]:
    """Run `passes` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-W", "ignore", __file__, "--only", name, "--size", size]
        command += ["--count", str(options.count), "--rounds", str(options.rounds)]
        command += ["--device", options.device, "--precision", options.precision]
        command += ["--audio", str(options.audio)] if options.audio else []
        command += ["--workspace", folder]
        finished = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | MEDUSAS
        )
    measured: dict[str, float] = json.loads(finished.stdout.splitlines()[-1])
    return measured


def passes(name: str, options: argparse.Namespace, size: str) -> dict[str, float]:
    """Compare one pass with several."""
    workspace = options.workspace
    corpus(workspace, options.audio, options.count)
    if name == "one_pass":
        return one_pass(checkpoints.write("whisper", workspace, size), workspace, options.device)
    paths = {one: checkpoints.write(one, workspace, size) for one in SPEECH}
    return one_decode(paths, workspace, options.device, options.rounds, options.precision)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", type=Path, help="a folder of wav files with one channel")
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--size", choices=tuple(checkpoints.SIZES))
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", choices=(*BACKBONES, *PASSES), help="measure only this")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--workspace", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--checkpoint", help=argparse.SUPPRESS)
    options = parser.parse_args()
    size = options.size or ("full" if options.device.startswith("cuda") else "small")
    if options.way:
        take_turns(options.only, options)
        return
    if options.workspace:
        print(json.dumps(passes(options.only, options, size)))
        return
    results: dict[str, Any] = {}
    for name in (options.only,) if options.only else (*BACKBONES, *PASSES):
        results[name] = (
            apart(name, options, size) if name in PASSES else measure(name, options, size)
        )
        print(name, {key: _short(value) for key, value in results[name].items()}, flush=True)
    results |= {"size": size, "corpus": "recordings" if options.audio else "noise"}
    if size != "full":
        results["not_measured"] = (
            "full-size encoders in bf16, and their memory: this machine has no GPU"
        )
    results["environment"] = environment()
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _short(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
