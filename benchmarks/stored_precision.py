"""Stored precision: emotion, bytes and training time with float16, int8 and averaged frames.

    python benchmarks/window.py DATA FOLDER
    python benchmarks/stored_precision.py DATA FOLDER --json FILE

DATA has `models/whisper-base.pt`. FOLDER has the workspaces of window.py, with the sum of
whisper-base's middle layers in float32, for the whole window. The other stores are made of it by
the code of `extract`, so they hold the bytes that an extraction would store. A command that was
interrupted continues: FOLDER keeps the heads, and the figures of each finished corpus.

The figures, for each corpus and store:

mb: the bytes of the features.
probe: the UAR of the probe of default_layers.py, a logistic regression on the mean and the
deviation over time. The test speakers of a fold are one speaker of EmoDB, and two actors of
RAVDESS.
head: the UAR of a trained head over all test predictions of `--k` folds by speaker. It is the
preset `small` with attentive statistics and a small network (`asp_mlp`), and reads every stored
frame.
minus_float16: the difference from float16, with the same draws of speakers.
epoch: the processor's seconds of a training of the first fold (twice `--epochs` epochs, with
validation) as a share of those with float16. All stores are trained in turn; the figure is the
median over the turns, with quartiles.
"""

import argparse
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from default_layers import by_folds
from head_steps import in_turn
from real_speech import systems_of
from transcribe_ways import LANGUAGES
from window import SPEAKERS_OF_A_FOLD, Rows, pooled_frames, uars

from medusa.atomic import write_text
from medusa.cache import FeatureStore, StoreWriter
from medusa.extract.encoders.encoder import average_frames
from medusa.extract.extraction_options import ExtractionOptions
from medusa.extract.planning.jobs import plan_jobs
from medusa.heads.queue.fit_heads import fit_heads
from medusa.heads.queue.head_specs import head_specs
from medusa.heads.runs.environment import environment
from medusa.manifests import Manifest
from medusa.manifests.splits.cross_validation import FoldPlan, fold_manifests
from medusa.recipes.cross_validation.cross_validate import cross_validate
from medusa.recipes.cross_validation.recipe_of_heads import recipe_of_heads
from medusa.scoring.resampling import interval
from medusa.workspace import Workspace

BASE = "float16"
STORES: dict[str, dict[str, Any]] = {
    "float32": {"dtype": "float32"},
    BASE: {"dtype": "float16"},
    "int8": {"dtype": "int8"},
    "average2": {"dtype": "float16", "average_frames": 2},
    "average4": {"dtype": "float16", "average_frames": 4},
}
SETTINGS = ("head.name=asp_mlp", "head.average_frames=1")


def source_of(workspace: Workspace, weights: Path) -> FeatureStore:
    """Return the store of the whole window that window.py wrote."""
    options = ExtractionOptions(checkpoint=str(weights), dtype="float32", precision="bf16")
    (job,) = plan_jobs(workspace, ["whisper"], options, "bf16")
    return FeatureStore.open(job.store)


def fill(workspace: Workspace, weights: Path, source: FeatureStore, name: str) -> FeatureStore:
    """Write a store as `extract` would, from the features in float32."""
    options = ExtractionOptions(
        checkpoint=str(weights), label=name, precision="bf16", **STORES[name]
    )
    (job,) = plan_jobs(workspace, ["whisper"], options, "bf16")
    contents = [one.content for one in job.utterances]
    with StoreWriter(job.store, job.spec) as writer:
        for content in writer.missing(contents):
            values = average_frames(source.read([content]).values[None], options.average_frames)
            writer.append(content, values.numpy())
    return FeatureStore.open(job.store)


def minus(mine: tuple[float, Rows], base: tuple[float, Rows]) -> dict[str, Any]:
    """Return a score with its interval, and its difference from float16."""
    return {
        "uar": mine[0],
        "interval": interval(mine[1]),
        "minus_float16": mine[0] - base[0],
        "minus_float16_interval": interval(mine[1] - base[1]),
    }


def probes(stores: dict[str, FeatureStore], manifest: Manifest, size: int) -> dict[str, Any]:
    """Return the UAR of the probe for every store, with draws."""
    frame = manifest.frame
    truth = np.unique(frame["label"], return_inverse=True)[1].astype(np.int64)
    speakers = frame["speaker"].to_numpy()
    rows = {name: pooled_frames(one, list(frame["content"])) for name, one in stores.items()}
    return {
        name: uars(truth, by_folds(one, truth, speakers, size), speakers)
        for name, one in rows.items()
    }


def heads(workspace: Workspace, k: int) -> dict[str, Any]:
    """Return the UAR of a trained head for every store, with draws."""
    recipe = recipe_of_heads(list(STORES), "small", SETTINGS)
    made = cross_validate(workspace, recipe, FoldPlan("speaker", k), name="stored")
    if made.problems:
        raise SystemExit(json.dumps(dict(made.problems), indent=1))
    frame = Manifest.read(workspace.manifest).frame.set_index("id")
    found = {}
    for name, one in systems_of(made.predictions, "stored").items():
        numbers = {label: number for number, label in enumerate(one.classes)}
        truth = frame.loc[one.ids, "label"].map(numbers).to_numpy(np.int64)
        speakers = frame.loc[one.ids, "speaker"].to_numpy()
        found[name] = uars(truth, one.logits().argmax(1), speakers)
    return found


def epochs(workspace: Workspace, k: int, count: int, turns: int) -> dict[str, dict[str, Any]]:
    """Return the seconds of a training on every store, as shares of those on float16."""
    root = workspace.root / "timing"
    root.mkdir(exist_ok=True)
    if not (root / "features").exists():
        (root / "features").symlink_to(workspace.features.resolve())
    first = fold_manifests(Manifest.read(workspace.manifest), FoldPlan("speaker", k))[0]
    first.write(root / "manifest.parquet")
    place = Workspace.open(root)
    sides = [partial(train, place, name, count) for name in STORES]
    taken = np.array(in_turn(sides, turns + 1, torch.device("cpu")))[:, 1:]
    shares = np.quantile(taken / taken[list(STORES).index(BASE)], (0.5, 0.25, 0.75), axis=1).T
    return {
        name: {"share": share[0], "quartiles": share[1:], "seconds": float(median) / (2 * count)}
        for name, share, median in zip(STORES, shares.tolist(), np.median(taken, 1), strict=True)
    }


def train(workspace: Workspace, name: str, count: int) -> None:
    """Train a head on one store for a few epochs."""
    shutil.rmtree(workspace.runs, ignore_errors=True)
    settings = (*SETTINGS, f"stages.0.epochs={count}", f"stages.1.epochs={count}")
    specs = head_specs(workspace, "small", settings, name=name, features=[name])
    for result in fit_heads(workspace, specs, devices="cpu"):
        if result.problem:
            raise SystemExit(str(result.problem))


def judge(options: argparse.Namespace, corpus: str) -> dict[str, Any]:
    """Return the figures of one corpus."""
    workspace, weights = (
        Workspace.open(options.folder / corpus),
        options.data / "models/whisper-base.pt",
    )
    source = source_of(workspace, weights)
    stores = {name: fill(workspace, weights, source, name) for name in STORES}
    manifest = Manifest.read(workspace.manifest)
    scores: dict[str, Callable[[], dict[str, Any]]] = {
        "probe": lambda: probes(stores, manifest, SPEAKERS_OF_A_FOLD[corpus]),
        "head": lambda: heads(workspace, options.k),
    }
    found: dict[str, Any] = {name: {"mb": one.size_bytes() / 1e6} for name, one in stores.items()}
    for kind, compute in scores.items():
        drawn = compute()
        for name in STORES:
            found[name][kind] = minus(drawn[name], drawn[BASE])
        print(corpus, kind, {name: round(one[0], 3) for name, one in drawn.items()}, flush=True)
    timed = epochs(workspace, options.k, options.epochs, options.turns)
    for name, one in timed.items():
        found[name]["epoch"] = one
        print(corpus, name, json.dumps(one), flush=True)
    return {"clips": len(manifest.frame), "stores": found}


def known(options: argparse.Namespace, corpus: str) -> dict[str, Any]:
    """Return the figures of one corpus from the folder, or compute and keep them."""
    file = options.folder / corpus / "stored-precision.json"
    if not file.exists():
        write_text(file, json.dumps(judge(options, corpus)))
    kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--corpora", default=",".join(LANGUAGES))
    parser.add_argument("--k", type=int, default=3, help="folds of the head")
    parser.add_argument("--epochs", type=int, default=1, help="of each stage of a timed training")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = {
        "weights": "whisper-base",
        "folds_of_the_head": options.k,
        "corpora": {name: known(options, name) for name in options.corpora.split(",")},
        "environment": environment(),
    }
    if options.json:
        write_text(options.json, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
