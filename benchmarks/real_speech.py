"""Is the recipe small-corpus better than the baselines on real speech?

    python benchmarks/real_speech.py EMODB --k 10 --layer 3 --json FILE
    python benchmarks/real_speech.py RAVDESS --k 6 --layer 4 --json FILE

The workspace has a manifest and the features logmel, egemaps-functionals and whisper with its
middle layers apart. The recipe and ten baselines are trained in the same folds by speaker: logistic
regression and SVM on each set of features, the best layer of Whisper (named by `--layer`, with
hindsight), its layers joined, and everything joined. The recipe's own `logistic` and `svm` are what
the baselines are with normalised speakers. All test predictions are judged together. The p values
are of paired differences, with speakers as blocks, corrected by Holm's method for all systems.
A command that was interrupted continues.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.heads.runs.environment import environment
from medusa.manifests import Manifest
from medusa.manifests.splits.cross_validation import FoldPlan
from medusa.recipes.cross_validation.cross_validate import cross_validate
from medusa.recipes.cross_validation.recipe_of_heads import recipe_of_heads
from medusa.scoring import Predictions, judge_folds
from medusa.scoring.resampling import interval
from medusa.scoring.significance import holm, two_sided
from medusa.workspace import Workspace

MAIN, DRAWS = "shrunken", 2000
KINDS = ("head.name=logistic,svm",)


def baselines(layer: str) -> list[str]:
    """Return the sets of features of the baselines."""
    best, signal = f"whisper:{layer}", "logmel,egemaps-functionals"
    return ["logmel", "egemaps-functionals", best, "whisper:each", f"{signal},whisper:each"]


def systems_of(path: Path, folder: str) -> dict[str, Predictions]:
    """Return the predictions of every system of a cross-validation."""
    classes = Predictions.read(path).classes
    return {
        str(name): Predictions(part.drop(columns="system"), classes, folder)
        for name, part in pd.read_parquet(path).groupby("system", sort=False)
    }


def uar_gains(
    manifest: Manifest, systems: dict[str, Predictions]
) -> dict[str, dict[str, float | list[float]]]:
    """Return the difference of the UAR of MAIN and every other system, with speakers as blocks."""
    frame = manifest.frame.set_index("id")
    ids = systems[MAIN].ids
    numbers = {name: number for number, name in enumerate(systems[MAIN].classes)}
    truth = frame.loc[ids, "label"].map(numbers).to_numpy(int)
    codes, speakers = pd.factorize(frame.loc[ids, "speaker"])
    drawn = np.random.default_rng(0).integers(0, len(speakers), (DRAWS, len(speakers)))
    counts = np.stack([np.bincount(row, minlength=len(speakers)) for row in drawn])
    counts = np.vstack([np.ones((1, len(speakers)), int), counts])
    recalls = {
        name: _uar(truth, one.select(ids).logits().argmax(1), codes, counts, len(numbers))
        for name, one in systems.items()
    }
    found = {name: recalls[MAIN] - one for name, one in recalls.items() if name != MAIN}
    corrected = holm([two_sided(one[1:]) for one in found.values()])
    return {
        name: {"difference": float(one[0]), "interval": list(interval(one[1:])), "p": float(p)}
        for (name, one), p in zip(found.items(), corrected, strict=True)
    }


def _uar(
    truth: npt.NDArray[np.int64],
    guess: npt.NDArray[np.int64],
    speakers: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    classes: int,
) -> npt.NDArray[np.float64]:
    """Return the UAR with each of the draws of speakers (DRAWS + 1, S)."""
    shape = (counts.shape[1], classes)
    right, rows = np.zeros(shape), np.zeros(shape)
    np.add.at(rows, (speakers, truth), 1)
    np.add.at(right, (speakers, truth), truth == guess)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nanmean(counts @ right / (counts @ rows), axis=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--layer", required=True)
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    workspace, plan = Workspace.open(options.workspace), FoldPlan("speaker", options.k)
    ours = cross_validate(workspace, "small-corpus", plan)
    recipe = recipe_of_heads(
        baselines(options.layer), settings=["head.pooling=statistics"], grid=KINDS
    )
    theirs = cross_validate(workspace, recipe, plan, name="baselines")
    systems = systems_of(ours.predictions, "recipe")
    for name, one in systems_of(theirs.predictions, "baselines").items():
        systems[f"baseline {name}"] = one
    options.json.write_text(json.dumps(judged(workspace, ours.result, systems), indent=1) + "\n")


def judged(
    workspace: Workspace, ours: dict[str, Any], systems: dict[str, Predictions]
) -> dict[str, Any]:
    """Return the scores of all systems, and the gains of MAIN over every other one."""
    manifest = Manifest.read(workspace.manifest)
    prior = np.ones(len(systems[MAIN].classes))
    result = judge_folds(manifest, systems, MAIN, prior)
    best = max((n for n in systems if n.startswith("baseline")), key=lambda n: _score(result, n))
    for name in systems:
        low, high = result["systems"][name]["interval"]["uar"]
        print(f"{name:60} UAR {_score(result, name):.3f} ({low:.3f} - {high:.3f})")
    gains = uar_gains(manifest, systems)
    print("the best baseline:", best, gains[best])
    return {
        "best_baseline": best,
        "uar_gains": gains,
        **result,
        "folds": ours["folds"],
        "environment": environment(),
    }


def _score(result: dict[str, Any], name: str) -> float:
    return float(result["systems"][name]["uar"])


if __name__ == "__main__":
    main()
