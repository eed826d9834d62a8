"""Ways to transcribe the same clips with the same weights: errors, speed and memory.

    python benchmarks/transcribe.py DATA --json benchmarks/results/transcribe.json

DATA has the folders `ravdess` and `emodb`, and `models/whisper-base.pt`. Both corpora have fixed
sentences, which are the reference of the word error rate. The ways:

ours: `medusa transcribe` without its command line, from files to a table.
ours_bf16: the same with `--set precision=bf16`.
openai: openai-whisper's `transcribe`, one clip after the other.
openai_command: the same with the settings of its command, a beam of five.
transformers: its pipeline, eight clips at a time.
faster_float32, faster_int8: faster-whisper (CTranslate2), one clip after the other.

All of them are told the language, and all but openai_command decode greedily. transformers and
CTranslate2 get the weights from whisper_folders.py; before anything is timed, the encoder of
transformers must return openai-whisper's states within 1e-4. Every way has a process of its own.
All processes are told in turn to transcribe the next few clips, so that the noise of the machine
hits all of them.

The figures, for each corpus:

wer: the word errors per word of the reference, with an interval (bootstrap over clips).
wer_minus_openai: the difference from openai, with its interval (the same clips are drawn for both).
x_real_time: the seconds of audio by the wall clock's seconds; and by those of the processor.
vs_openai: how many times faster than openai; the median over turns of the processors' seconds on a
CPU, else of the wall clock's, with quartiles.
peak_mb: the most memory of the process.

`--random large-v3` takes random weights of these dimensions, 24 tokens for every clip, and no
errors: it is for the speed of a GPU.
"""

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from transcribe_ways import MAKERS, Clip, Setting
from turns import Turn, serve

MEDUSAS = {"OMP_WAIT_POLICY": "PASSIVE"}  # the `medusa` command sets this
SUFFIXES = {"ravdess": "flac", "emodb": "wav"}
SIZES = {"tiny": "tiny", "large-v3": "full"}
DRAWS, RANDOM_TOKENS, CLOSE = 2000, 24, 1e-4


def sentence(corpus: str, stem: str) -> str:
    """Return the sentence that a file name stands for."""
    if corpus == "emodb":
        from medusa.manifests.importers.emodb import SENTENCES

        return SENTENCES[stem[2:5]]
    from medusa.manifests.importers.ravdess import SENTENCES as RAVDESS

    return RAVDESS[stem.split("-")[4]]


def choose_clips(data: Path, corpus: str, count: int) -> list[Clip]:
    """Return random clips of a corpus, always the same."""
    files = sorted((data / corpus).rglob(f"*.{SUFFIXES[corpus]}"))
    chosen = random.Random(0).sample(files, min(count, len(files)))
    return [
        Clip(one.stem, str(one.resolve()), corpus, sentence(corpus, one.stem)) for one in chosen
    ]


def write_manifest(clips: Sequence[Clip], folder: Path) -> dict[str, float]:
    """Write the manifest that our way reads, and return the seconds of every clip."""
    import pandas as pd

    from medusa.manifests import LabelScheme, Manifest
    from medusa.manifests.audio import content_of, recording_of

    facts = [recording_of(Path(clip.path)) for clip in clips]
    seconds = [one.facts.duration_s for one in facts]
    frame = pd.DataFrame([asdict(clip) for clip in clips]).drop(columns="corpus")
    frame = frame.assign(
        start_s=0.0,
        duration_s=seconds,
        content=[
            content_of(one.digest, 0.0, length) for one, length in zip(facts, seconds, strict=True)
        ],
    )
    Manifest(frame, LabelScheme("none", ("a", "b")), root=folder).write(folder / "manifest.parquet")
    return {clip.id: length for clip, length in zip(clips, seconds, strict=True)}


def take_turns(way: str, setting: Setting, chunks: list[list[Clip]]) -> None:
    """Work in this process: one chunk for each turn."""
    prepare, left = MAKERS[way](setting), iter(chunks)

    def one_round() -> dict[str, Any]:
        transcribe = prepare(next(left))
        wall, used = time.perf_counter(), time.process_time()
        texts = transcribe()
        return {
            "texts": texts,
            "wall_s": time.perf_counter() - wall,
            "cpu_s": time.process_time() - used,
        }

    serve(one_round, lambda: {"peak_mb": peak_mb()})


def peak_mb() -> float:
    """Return the most memory that this process held; `ru_maxrss` would count its parent's, too."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def count_errors(references: Sequence[str], texts: Sequence[str]) -> np.ndarray[Any, Any]:
    """Return the word errors and the words of every clip, (clips, 2)."""
    import jiwer
    from whisper.normalizers import BasicTextNormalizer

    normalise = BasicTextNormalizer()
    counts = []
    for reference, text in zip(references, texts, strict=True):
        one = jiwer.process_words(normalise(reference), normalise(text))
        errors = one.substitutions + one.deletions + one.insertions
        counts.append((errors, one.hits + one.substitutions + one.deletions))
    return np.array(counts)


def rates(counts: np.ndarray[Any, Any], base: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return the word error rate and its difference from another way, with intervals."""
    draws = np.random.default_rng(0).integers(0, len(counts), (DRAWS, len(counts)))
    mine, theirs = (one[:, 0].sum() / one[:, 1].sum() for one in (counts, base))
    drawn = [one[draws].sum(1) for one in (counts, base)]
    rate, other = (one[:, 0] / one[:, 1] for one in drawn)
    return {
        "wer": mine,
        "wer_interval": np.quantile(rate, (0.025, 0.975)).tolist(),
        "wer_minus_openai": mine - theirs,
        "wer_minus_openai_interval": np.quantile(rate - other, (0.025, 0.975)).tolist(),
    }


def speed(
    mine: list[dict[str, Any]], theirs: list[dict[str, Any]], audio_s: float, clock: str
) -> dict[str, Any]:
    """Return the speed of a way, and the ratio to another way turn by turn."""
    ratios = [b[clock] / a[clock] for a, b in zip(mine, theirs, strict=True)]
    return {
        "x_real_time": audio_s / sum(one["wall_s"] for one in mine),
        "x_real_time_of_processor": audio_s / sum(one["cpu_s"] for one in mine),
        "vs_openai": float(np.median(ratios)),
        "vs_openai_quartiles": np.quantile(ratios, (0.25, 0.75)).tolist(),
    }


def summary(
    corpus: str,
    chunks: list[list[Clip]],
    rounds: list[dict[str, Any]],
    seconds: dict[str, float],
    clock: str,
    scored: bool,
) -> dict[str, Any]:
    """Return the figures of all ways on one corpus."""
    mine = [number for number, chunk in enumerate(chunks) if chunk[0].corpus == corpus]
    clips = [clip for number in mine for clip in chunks[number]]
    audio_s = sum(seconds[clip.id] for clip in clips)
    by_way = {way: [rounds[number][way] for number in mine] for way in rounds[0]}
    base = by_way["openai"]
    found = {way: speed(one, base, audio_s, clock) for way, one in by_way.items()}
    if scored:
        references = [clip.text for clip in clips]
        counts = {
            way: count_errors(references, [text for one in reports for text in one["texts"]])
            for way, reports in by_way.items()
        }
        for way, one in counts.items():
            found[way] |= rates(one, counts["openai"])
    return {"clips": len(clips), "audio_s": audio_s, "ways": found}


def make_folders(options: argparse.Namespace, folder: Path) -> tuple[Path, float]:
    """Write the weights for every library; return openai-whisper's file and the difference."""
    import checkpoints
    import whisper_folders

    file = options.data / "models/whisper-base.pt"
    if options.random:
        file = checkpoints.write("whisper", folder, SIZES[options.random])
    theirs = whisper_folders.write_transformers(file, folder / "transformers")
    gap = whisper_folders.encoder_difference(file, theirs)
    if not gap < CLOSE:
        raise SystemExit(f"the encoder of transformers differs by {gap:.1e}, more than {CLOSE:g}")
    whisper_folders.write_ctranslate2(theirs, folder / "ctranslate2", "float32")
    return file, gap


def split_in_chunks(options: argparse.Namespace) -> list[list[Clip]]:
    """Return the clips of all corpora, a few at a time; the corpora take turns."""
    chunks: list[list[list[Clip]]] = []
    for corpus in options.corpora.split(","):
        clips = choose_clips(options.data, corpus, options.clips)
        chunks.append(
            [clips[at : at + options.chunk] for at in range(0, len(clips), options.chunk)]
        )
    return [chunk for several in zip(*chunks, strict=False) for chunk in several]


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Start a process for each way, and let them work in turn."""
    from medusa.heads.runs.environment import environment

    chunks = split_in_chunks(options)
    seconds = write_manifest([clip for chunk in chunks for clip in chunk], folder)
    chunks = [chunks[0], *chunks]  # the first turn warms up
    (folder / "chunks.json").write_text(
        json.dumps([[asdict(clip) for clip in chunk] for chunk in chunks]), encoding="utf-8"
    )
    file, gap = make_folders(options, folder)
    command = [__file__, str(options.data), "--folder", str(folder), "--file", str(file)]
    command += ["--device", options.device, "--threads", str(options.threads)]
    command += ["--random", options.random] if options.random else []
    threads = {"OMP_NUM_THREADS": str(options.threads), "HF_HUB_OFFLINE": "1"}
    with ExitStack() as stack:
        turns = {
            way: stack.enter_context(
                Turn([*command, "--way", way], threads | (MEDUSAS if "ours" in way else {}))
            )
            for way in options.ways.split(",")
        }
        rounds = []
        for number in range(len(chunks)):
            rounds.append({way: turn.round() for way, turn in turns.items()})
            print(f"turn {number + 1} of {len(chunks)}", flush=True)
        peaks = {way: turn.end()["peak_mb"] for way, turn in turns.items()}
    clock = "wall_s" if options.device.startswith("cuda") else "cpu_s"
    return {
        "weights": options.random or "whisper-base",
        "encoder_difference": gap,
        "clock_of_vs_openai": clock,
        "threads": options.threads,
        "peak_mb": peaks,
        "corpora": {
            corpus: summary(corpus, chunks[1:], rounds[1:], seconds, clock, not options.random)
            for corpus in options.corpora.split(",")
        },
        "load": os.getloadavg()[0],
        "environment": environment(),
    }


def print_table(result: dict[str, Any]) -> None:
    for corpus, found in result["corpora"].items():
        for way, one in found["ways"].items():
            low, high = one.get("wer_interval", (float("nan"),) * 2)
            print(
                f"{corpus:8} {way:15} wer {one.get('wer', float('nan')):.3f} "
                f"[{low:.3f}, {high:.3f}] "
                f"x real time {one['x_real_time']:6.2f}, of the processor "
                f"{one['x_real_time_of_processor']:6.2f}, vs openai {one['vs_openai']:5.2f}, "
                f"{result['peak_mb'][way]:.0f} MB"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--corpora", default="ravdess,emodb")
    parser.add_argument("--clips", type=int, default=24, help="of each corpus")
    parser.add_argument("--chunk", type=int, default=8, help="the clips of one turn")
    parser.add_argument("--ways", default=",".join(MAKERS), help="openai is one of them")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--random", choices=tuple(SIZES), help="random weights of these dimensions")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        tokens = RANDOM_TOKENS if options.random else None
        setting = Setting(options.folder, options.file, options.device, options.threads, tokens)
        held = json.loads((options.folder / "chunks.json").read_text(encoding="utf-8"))
        take_turns(options.way, setting, [[Clip(**clip) for clip in chunk] for chunk in held])
        return
    with tempfile.TemporaryDirectory() as name:
        result = measure(options, Path(name))
    print_table(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
