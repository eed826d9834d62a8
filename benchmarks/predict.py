"""`medusa predict` on real speech, against the predictions that the pipeline itself stored.

    python benchmarks/predict.py DATA --workspace FOLDER --json benchmarks/results/predict.json

DATA holds `emodb/` and `models/whisper-base.pt`. A stack of two heads is trained: Whisper base with
windows of 6 s, and the functionals of eGeMAPS. It then predicts the wav files of the test split;
copies of them in stereo, at 48 kHz and at 8 kHz; and one file with all clips and silence between
them, which silero-vad cuts. The rate of the prediction is compared with the rate of an extraction
of the same 500 files, of all splits. EmoDB's clips are cut to two seconds in this copy, so its
scores say nothing.
"""

import argparse
import json
import resource
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import soxr

import medusa
from medusa.extract.extraction_options import ExtractionOptions
from medusa.heads.runs.environment import environment
from medusa.manifests import Manifest

RATE_HZ = 16_000
SILENCE_S = 1.5
FILES = 500  # The files of the comparison of rates.
LONG_S = 7200.0
FEATURES = {"whisper": {"window_s": 6.0}, "egemaps-functionals": {}}


def options(whisper: Path, name: str) -> ExtractionOptions:
    """Return the options of the extraction of one backbone."""
    checkpoint = str(whisper) if name == "whisper" else None
    return ExtractionOptions(checkpoint=checkpoint, **FEATURES[name])


def train(workspace: medusa.Workspace, data: Path) -> None:
    """Import the corpus, extract the features, and fit two heads and their stack."""
    medusa.import_corpus(workspace, "emodb", data / "emodb")
    plan = medusa.SplitPlan(by="speaker", seed=0, dev=0.2, test=0.2)
    medusa.split_corpus(workspace, plan)
    for name in FEATURES:
        medusa.extract_features(workspace, [name], options(data / "models/whisper-base.pt", name))
    for head, kind, name in (
        ("w", "discriminant", "whisper"),
        ("e", "logistic", "egemaps-functionals"),
    ):
        settings = [f"head.name={kind}"]
        specs = medusa.head_specs(workspace, "small", settings, name=head, features=[name])
        medusa.fit_heads(workspace, specs)
    medusa.fit_stack(workspace, ["w", "e"], name="s")


def posteriors(frame: pd.DataFrame) -> np.ndarray:
    """Return the posteriors (B, C) of a table."""
    return frame.filter(like="p_").to_numpy(float)


def differences(frame: pd.DataFrame, expected: np.ndarray) -> dict[str, float]:
    """Return the differences of posteriors, and the share of equal labels."""
    gaps = np.abs(posteriors(frame) - expected)
    same = posteriors(frame).argmax(1) == expected.argmax(1)
    return {
        "largest": float(gaps.max()),
        "mean": float(gaps.mean()),
        "labels_equal": float(same.mean()),
    }


def copies(clips: list[Path], folder: Path) -> dict[str, list[Path]]:
    """Write copies of the clips with two channels, at 48 kHz, and at 8 kHz."""
    made: dict[str, list[Path]] = {"stereo": [], "48 kHz": [], "8 kHz": []}
    for clip in clips:
        samples, rate = soundfile.read(clip, dtype="float32")
        variants = {
            "stereo": (np.stack([samples, samples], 1), rate),
            "48 kHz": (soxr.resample(samples, rate, 48_000), 48_000),
            "8 kHz": (soxr.resample(samples, rate, 8_000), 8_000),
        }
        for name, (values, own) in variants.items():
            path = folder / name.replace(" ", "") / f"{clip.stem}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, values, own, subtype="FLOAT")
            made[name].append(path)
    return made


def one_file(clips: list[Path], path: Path, repeats: int = 1) -> list[tuple[float, float]]:
    """Write all clips into one file with silence between, and return the times of each."""
    times, at = [], 0.0
    with soundfile.SoundFile(path, "w", RATE_HZ, 1, subtype="PCM_16") as file:
        silence = np.zeros(round(SILENCE_S * RATE_HZ), np.float32)
        for clip in clips * repeats:
            samples, rate = soundfile.read(clip, dtype="float32")
            samples = soxr.resample(samples, rate, RATE_HZ)
            file.write(silence)
            file.write(samples)
            start = at + SILENCE_S
            at = start + len(samples) / RATE_HZ
            times.append((start, at))
        file.write(silence)
    return times


def found_by_speech(model: medusa.Model, clips: list[Path], path: Path, labels: list[str]) -> dict:
    """Return how many clips the detector finds in one file, and how many labels agree.

    A clip is found if a row overlaps more than half of it, and no other clip.
    """
    times = one_file(clips, path)
    frame = model.predict(path, cut=medusa.CutOptions(vad=True))
    starts, ends = frame["start"].to_numpy(), frame["end"].to_numpy()
    found, agree = 0, 0
    for (start, end), label in zip(times, labels, strict=True):
        shared = np.minimum(ends, end) - np.maximum(starts, start)
        row = int(shared.argmax())
        alone = sum(min(ends[row], b) > max(starts[row], a) for a, b in times) == 1
        if shared[row] > (end - start) / 2 and alone:
            found += 1
            agree += frame["label"][row] == label
    return {
        "clips": len(times),
        "minutes": times[-1][1] / 60,
        "rows": len(frame),
        "found": found / len(times),
        "labels_equal": agree / max(found, 1),
    }


def rates(root: Path, data: Path, clips: list[Path], folder: Path) -> dict[str, float]:
    """Return the seconds to extract and to predict the same files, and their ratio."""
    corpus = folder / "few"
    corpus.mkdir(parents=True, exist_ok=True)
    for clip in clips:
        shutil.copy(clip, corpus / clip.name)
    workspace = medusa.Workspace.open(_made(folder / "again"))
    medusa.import_corpus(workspace, "emodb", corpus)
    began = time.perf_counter()
    for name in FEATURES:
        medusa.extract_features(workspace, [name], options(data / "models/whisper-base.pt", name))
    extracting = time.perf_counter() - began
    began = time.perf_counter()
    medusa.load(root / "runs" / "s").predict(corpus)
    predicting = time.perf_counter() - began
    return {
        "files": len(list(corpus.iterdir())),
        "extract_s": extracting,
        "predict_s": predicting,
        "ratio": predicting / extracting,
    }


def memory(root: Path, clips: list[Path], folder: Path) -> dict[str, float]:
    """Return the peak memory in MB after a recording of ten minutes, and after one of two hours."""
    model, peaks = medusa.load(root / "runs" / "e"), {}
    for seconds in (LONG_S / 12, LONG_S):
        path = folder / "long.wav"
        each = 2.0 + SILENCE_S
        few = clips[:50]
        one_file(few, path, max(1, round(seconds / each / len(few))))
        frame = model.predict(path, cut=medusa.CutOptions(window_s=20.0, hop_s=20.0))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        peaks[f"{frame['end'].max() / 60:.0f} minutes"] = round(peak)
        path.unlink()
    return peaks


def in_a_fresh_process(function: Callable[..., dict[str, float]], *words: object) -> dict:
    """Call a function in a process that has not held other models."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *words).result()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--files", type=int, default=FILES, help="files of the comparison of rates")
    chosen = parser.parse_args()
    root, scratch = _made(chosen.workspace), chosen.workspace / "copies"
    with medusa.show_progress():
        train(medusa.Workspace.open(root), chosen.data)
        corpus = Manifest.read(root / "manifest.parquet")
        every = [corpus.audio_path(path) for path in corpus.frame["path"]]
        manifest = corpus.split("test")
        clips = [manifest.audio_path(path) for path in manifest.frame["path"]]
        run = medusa.fit_stack(medusa.Workspace.open(root), ["w", "e"], name="s")
        stored = run.predictions().select(manifest.frame["id"].tolist())
        model = medusa.load(root / "runs" / "s")
        frame = model.predict(clips)
        result = {
            "environment": environment(),
            "clips": len(clips),
            "pipeline": differences(frame, stored.posteriors().astype(float)),
            "copies": {
                name: differences(model.predict(paths), posteriors(frame))
                for name, paths in copies(clips, scratch).items()
            },
            "one_file": found_by_speech(model, clips, scratch / "all.wav", frame["label"].tolist()),
            "rates": rates(root, chosen.data, every[: chosen.files], scratch),
            "peak_memory_mb": in_a_fresh_process(memory, root, clips, scratch),
        }
    print(json.dumps(result, indent=2))
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
