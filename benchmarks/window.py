"""Shorter windows of Whisper: emotion, word errors and work at 30, 20, 12 and 8 seconds.

    python benchmarks/window.py DATA FOLDER --json benchmarks/results/window.json

DATA has the folders `ravdess` and `emodb`, whose sentences are known, and `models/whisper-base.pt`.
The workspaces and texts are kept in FOLDER: a command that was interrupted continues.

The figures, for each corpus and window:

uar: the recall of a probe on the layers that `extract` stores by default (the sum of the middle
ones), computed in bfloat16 as on a GPU, and stored in float32 for stored_precision.py. The probe is
that of default_layers.py: a logistic regression on the mean and the deviation over time. The test
speakers of a fold are one speaker of EmoDB, and two actors of RAVDESS.
wer: the word errors of a greedy transcription in bfloat16, of the same clips of every speaker. The
recordings of EmoDB end inside the sentence, so the reference is the beginning that fits best.
minus_whole: the difference from the whole window, on the same draws.
operations: the operations of the encoder for the corpus, counted, as a share of the whole window's.
seconds: the processor's seconds of the encoder for eight clips, as a share of the whole window's;
the median over turns, with quartiles. `extraction` runs the layers up to the highest stored one,
and leaves the silence out where it can; `transcription` runs all layers in bfloat16.

`medusa transcribe` has no shorter window. Here, a model is loaded with the first of its positions.
Intervals draw speakers with all their clips.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from default_layers import by_folds
from flags import BATCH, Sound, errors
from head_steps import in_turn
from transcribe import sentence
from transcribe_ways import LANGUAGES
from ways import read_16_khz

from medusa.atomic import write_text
from medusa.cache import FeatureStore
from medusa.extract.backbones import describe, family_of
from medusa.extract.backbones.whisper import FRAME, RATE_HZ
from medusa.extract.checkpoints import whisper_files
from medusa.extract.encoders import variant
from medusa.extract.extract_features import extract_features
from medusa.extract.extraction_options import ExtractionOptions
from medusa.extract.planning.estimate import CorpusSize, estimate_of
from medusa.extract.planning.operations import extract_flop
from medusa.extract.transcription.decoder import Transcriber
from medusa.heads.runs.environment import environment
from medusa.manifests import Manifest
from medusa.manifests.import_corpus import import_corpus
from medusa.scoring.metrics import uar_of
from medusa.scoring.resampling import interval, resampled_confusions, resampled_sums
from medusa.workspace import Workspace

WINDOWS = (30.0, 20.0, 12.0, 8.0)
SPEAKERS_OF_A_FOLD = {"emodb": 1, "ravdess": 2}
TURNS, TIMED = 7, 8
Rows = npt.NDArray[Any]


def workspace_of(data: Path, folder: Path, corpus: str) -> Workspace:
    """Return the workspace of a corpus; its manifest is written once."""
    root = folder / corpus
    root.mkdir(parents=True, exist_ok=True)
    workspace = Workspace.open(root)
    if not workspace.manifest.exists():
        import_corpus(workspace, corpus, data / corpus)
    return workspace


def pooled(workspace: Workspace, weights: Path, window: float) -> Rows:
    """Extract the features of a window, and return their mean and deviation over time."""
    options = ExtractionOptions(
        checkpoint=str(weights), window_s=window, device="cpu", dtype="float32", precision="bf16"
    )
    (result,) = extract_features(workspace, ["whisper"], options)
    contents = list(Manifest.read(workspace.manifest).frame["content"])
    return pooled_frames(FeatureStore.open(result.job.store), contents)


def pooled_frames(store: FeatureStore, contents: list[str]) -> Rows:
    """Return the mean and the deviation over time of stored features (N, 2 D)."""
    packed = [store.read([one]).to("cpu", torch.float64).values.numpy() for one in contents]
    return np.array([np.concatenate([one.mean(0), one.std(0)]) for one in packed])


def choose(workspace: Workspace, count: int) -> list[int]:
    """Return the rows of random clips, equally many of every speaker."""
    speakers = Manifest.read(workspace.manifest).frame["speaker"].to_numpy()
    names, rng = np.unique(speakers), np.random.default_rng(0)
    each = [
        rng.permutation(np.flatnonzero(speakers == name))[: count // len(names)] for name in names
    ]
    return sorted(int(row) for rows in each for row in rows)


def whisper_of(weights: Path, window: float) -> Any:
    """Load Whisper with the first of its positions."""
    model = whisper_files.read_model(str(weights), "cpu")
    model.dims.n_audio_ctx = round(window * RATE_HZ) // FRAME
    encoder = model.encoder
    encoder.positional_embedding = encoder.positional_embedding[: model.dims.n_audio_ctx].clone()
    return model


def texts(paths: list[Path], weights: Path, window: float, language: str) -> list[str]:
    """Transcribe clips with a window."""
    decoder = Transcriber(whisper_of(weights, window), language, None, "cpu", bfloat16=True)
    items = [decoder.prepare(read_16_khz(path)) for path in paths]
    found = [decoder.encode(items[at : at + BATCH]) for at in range(0, len(items), BATCH)]
    return [one.text for some in found for one in some]


def known_texts(workspace: Workspace, weights: Path, rows: list[int], window: float) -> list[str]:
    """Return the texts of a window from the folder, or transcribe the clips and keep the texts."""
    file = workspace.root / f"texts-{len(rows)}-{window:g}.json"
    if not file.exists():
        manifest = Manifest.read(workspace.manifest)
        paths = [manifest.root / one for one in manifest.frame["path"].iloc[rows]]
        found = texts(paths, weights, window, LANGUAGES[workspace.root.name])
        write_text(file, json.dumps(found))
    kept: list[str] = json.loads(file.read_text(encoding="utf-8"))
    return kept


def word_errors(workspace: Workspace, rows: list[int], found: list[str]) -> Rows:
    """Return the errors and the words of every clip, (clips, 2)."""
    corpus, frame = workspace.root.name, Manifest.read(workspace.manifest).frame
    names = [Path(one).stem for one in frame["path"].iloc[rows]]
    return np.array(
        [
            errors(Sound("", np.zeros(0), "", sentence(corpus, name), cut=corpus == "emodb"), text)
            for name, text in zip(names, found, strict=True)
        ]
    )


def score(value: float, drawn: Rows, whole: tuple[float, Rows]) -> dict[str, Any]:
    """Return a value with its interval, and its difference from that of the whole window."""
    return {
        "value": value,
        "interval": interval(drawn),
        "minus_whole": value - whole[0],
        "minus_whole_interval": interval(drawn - whole[1]),
    }


def uars(truth: Rows, predicted: Rows, speakers: Rows) -> tuple[float, Rows]:
    """Return the UAR of predictions, and that of resamples."""
    classes = int(truth.max()) + 1
    whole = np.zeros((classes, classes))
    np.add.at(whole, (truth, predicted), 1)
    drawn = resampled_confusions(truth, predicted, classes, list(speakers))
    return float(uar_of(whole[None])[0]), uar_of(drawn)


def wers(counts: Rows, speakers: Rows) -> tuple[float, Rows]:
    """Return the word error rate, and that of resamples."""
    drawn = resampled_sums(counts.astype(float), list(speakers))
    wrong, words = counts.sum(0)
    return float(wrong / words), drawn[:, 0] / drawn[:, 1]


def operations(manifest: Manifest, weights: Path, window: float) -> float:
    """Return the operations of the encoder for a corpus."""
    options = ExtractionOptions(checkpoint=str(weights), window_s=window)
    size = CorpusSize(list(manifest.frame["duration_s"]))
    return extract_flop(estimate_of(size, "whisper", options), size)


def encoders(weights: Path, paths: list[Path], window: float) -> dict[str, Any]:
    """Return the work of the encoder for a few clips, in an extraction and a transcription."""
    backbone = variant(describe("whisper", str(weights), None), window_s=window)
    encoder = family_of("whisper").load(backbone, (2, 3, 4), "cpu")
    decoder = Transcriber(whisper_of(weights, window), "en", None, "cpu", bfloat16=True)
    samples = [read_16_khz(path) for path in paths]
    items = [encoder.prepare(one) for one in samples]
    mels = torch.cat([decoder.prepare(one).whole for one in samples])
    return {
        "extraction": lambda: encoder.encode(items),
        "transcription": lambda: decoder._input(mels),
    }


def seconds(weights: Path, paths: list[Path]) -> dict[str, dict[str, Any]]:
    """Return the seconds of every window's encoder as shares of the whole window's."""
    torch.set_num_threads(1)
    work = {window: encoders(weights, paths, window) for window in WINDOWS}
    found: dict[str, dict[str, Any]] = {}
    for kind in ("extraction", "transcription"):
        sides = [work[window][kind] for window in WINDOWS]
        taken = np.array(in_turn(sides, TURNS + 1, torch.device("cpu")))[:, 1:]
        shares = np.quantile(taken / taken[0], (0.5, 0.25, 0.75), axis=1).T.tolist()
        found[kind] = {
            f"{window:g}": {"share": share[0], "quartiles": share[1:], "seconds": float(median)}
            for window, share, median in zip(WINDOWS, shares, np.median(taken, 1), strict=True)
        }
    return found


def judge(data: Path, folder: Path, corpus: str, clips: int) -> dict[str, Any]:
    """Return the figures of one corpus."""
    weights = data / "models/whisper-base.pt"
    workspace = workspace_of(data, folder, corpus)
    manifest = Manifest.read(workspace.manifest)
    speakers = manifest.frame["speaker"].to_numpy()
    truth = np.unique(manifest.frame["label"], return_inverse=True)[1].astype(np.int64)
    rows, size = choose(workspace, clips), SPEAKERS_OF_A_FOLD[corpus]
    found: dict[str, Any] = {}
    whole: dict[str, Any] = {}
    for window in WINDOWS:
        words = word_errors(workspace, rows, known_texts(workspace, weights, rows, window))
        predicted = by_folds(pooled(workspace, weights, window), truth, speakers, size)
        figures = {
            "uar": uars(truth, predicted, speakers),
            "wer": wers(words, speakers[rows]),
            "operations": operations(manifest, weights, window),
        }
        whole = whole or figures
        found[f"{window:g}"] = {
            name: score(*figures[name], whole[name]) for name in ("uar", "wer")
        } | {"operations": figures["operations"] / whole["operations"]}
        print(corpus, window, json.dumps(found[f"{window:g}"]), flush=True)
    return {"clips": len(truth), "transcribed": len(rows), "windows": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=60, help="to transcribe, of each corpus")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = {name: judge(options.data, options.folder, name, options.clips) for name in LANGUAGES}
    some = sorted((options.data / "ravdess").rglob("*.flac"))[:: 720 // TIMED][:TIMED]
    result = {
        "weights": "whisper-base",
        "corpora": found,
        "encoder": seconds(options.data / "models/whisper-base.pt", some),
        "environment": environment(),
    }
    print(json.dumps(result["encoder"]))
    if options.json:
        write_text(options.json, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
