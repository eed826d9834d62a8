"""MEDUSA on a simulated corpus, whose best possible score (the ceiling) is known.

    medusa --workspace W simulate --utterances 5000
    medusa --workspace W run benchmarks/simulated.yaml --jobs 2
    python benchmarks/simulated.py W --json benchmarks/results/simulated.json

The script computes how much better the ensemble is than its members, and how near it comes to the
ceiling. It scores every repeat of the recipe on the same test utterances, with every class counting
alike, and compares systems by paired bootstraps over speakers. The best member is the member with
the best score on dev. The script also scores ensembles of the heads of all repeats, whose stackers
learn from one, two and three thirds of dev.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from medusa.ensemble.members import Members, join
from medusa.ensemble.stack_inputs import inputs_of, train_set_of
from medusa.ensemble.stacker import StackConfig
from medusa.ensemble.stackers import stacker_of
from medusa.heads.runs.environment import environment
from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.manifests import Manifest
from medusa.recipes.definition.load import load
from medusa.recipes.find_runs import RecipeRuns, find_runs
from medusa.recipes.options import RecipeOptions
from medusa.recipes.tables import tables
from medusa.recipes.tasks import head_tasks, stack_tasks
from medusa.reports.tables.result_table import text
from medusa.scoring.metrics import balanced_macro_f1_of
from medusa.scoring.predictions import Predictions
from medusa.scoring.resampling import interval
from medusa.scoring.run_scores import score_runs
from medusa.scoring.significance import paired, two_sided
from medusa.scoring.truth import NO_CONSENSUS, Truth, truth_of
from medusa.workspace import Workspace

RECIPE = Path(__file__).with_suffix(".yaml")
JUDGED = {
    "soup": ("best member", "soft", "majority", "single"),
    "opinion-pool": ("best member", "soft", "majority", "product", "soup"),
}


class Judge:
    """Scores the predictions of runs for the labelled test utterances."""

    def __init__(self, workspace: Workspace, manifest: Manifest) -> None:
        self.workspace, self.manifest = workspace, manifest
        frame = manifest.frame
        rows = (frame["split"] == "test") & frame["label"].notna()
        self.ids = frame["id"][rows].tolist()
        truth = truth_of(manifest, self.ids, ["test"] * len(self.ids), manifest.scheme.classes)
        self.truth, self.blocks = truth.labels, truth.blocks
        assert (self.truth != NO_CONSENSUS).all()

    def predicted(self, run: str) -> np.ndarray:
        """Return the class that a run predicts for every test utterance."""
        return self.of(RunDir(self.workspace.runs / run).predictions())

    def of(self, predictions: Predictions) -> np.ndarray:
        """Return the predicted class of every test utterance."""
        return predictions.select(self.ids).logits().argmax(1)

    def score(self, predicted: np.ndarray) -> float:
        """Return the balanced macro-F1."""
        matrix = np.zeros((len(self.manifest.scheme.classes),) * 2)
        np.add.at(matrix, (self.truth, predicted), 1)
        return float(balanced_macro_f1_of(matrix))

    def better(self, first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
        """Return how much better the first predictions are, with the interval and p."""
        classes = len(self.manifest.scheme.classes)
        found = paired(self.truth, first, second, classes, self.blocks, balanced=True)
        return {"gain": found.value, "interval": list(found.interval), "p": found.p}


def repeat(
    judge: Judge, finished: RecipeRuns, recipe: Any, number: int, ceiling: float
) -> dict[str, Any]:
    """Score one repeat: its members, its votes, its single stacker and its soup."""
    heads = [one for one in head_tasks(recipe, False) if one.repeat == number]
    runs = {one.head: finished.heads[one.name] for one in heads}
    of_dev = {
        head: RunDir(judge.workspace.runs / run).read_json(SUMMARY)["dev_macro_f1"]
        for head, run in runs.items()
    }
    chosen = {"best member": runs[max(of_dev, key=lambda head: of_dev[head])]}
    for task in stack_tasks(recipe):
        if task.repeat == number:
            chosen[task.stack] = finished.stacks[task.name]
    predicted = {name: judge.predicted(run) for name, run in chosen.items()}
    return {
        "runs": chosen,
        "balanced_macro_f1": {name: judge.score(one) for name, one in predicted.items()},
        "share_of_ceiling": {one: judge.score(predicted[one]) / ceiling for one in JUDGED},
        "against": {
            one: {name: judge.better(predicted[one], predicted[name]) for name in rivals}
            for one, rivals in JUDGED.items()
        },
    }


def compare_means(workspace: Workspace, manifest: Manifest, repeats: Any) -> dict[str, Any]:
    """Compare the means over the repeats in the same resamples of the speakers."""
    names = sorted({run for one in repeats for run in one["runs"].values()})
    judged = score_runs(
        ((name, RunDir(workspace.runs / name).predictions()) for name in names), manifest
    )
    found: dict[str, Any] = {}
    for ours, rivals in JUDGED.items():
        found[ours] = {}
        for rival in rivals:
            pairs = [(one["runs"][ours], one["runs"][rival]) for one in repeats]
            drawn = [
                judged.resampled(a, "balanced") - judged.resampled(b, "balanced") for a, b in pairs
            ]
            gains = [judged.scores(a)["balanced"] - judged.scores(b)["balanced"] for a, b in pairs]
            found[ours][rival] = difference(gains, drawn)
    return found


def difference(gains: Sequence[float], drawn: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return the mean gain over the repeats, with its interval and p from all resamples."""
    mean = np.mean(drawn, axis=0)
    return {
        "gain": float(np.mean(gains)),
        "interval": list(interval(mean)),
        "p": two_sided(mean),
    }


def larger(judge: Judge, finished: RecipeRuns, recipe: Any, ceiling: float) -> dict[str, Any]:
    """Score ensembles of the heads of all repeats, whose stackers learn from thirds of dev.

    Returns:
        `balanced_macro_f1` and `share_of_ceiling`, by the number of thirds and by method.
    """
    runs = [
        RunDir(judge.workspace.runs / finished.heads[one.name]) for one in head_tasks(recipe, False)
    ]
    members = join(runs)
    truth = truth_of(judge.manifest, members.ids, members.splits.tolist(), members.classes)
    row_of = {name: row for row, name in enumerate(members.ids)}
    test = np.array([row_of[name] for name in judge.ids])
    third = np.array([crc32(str(name).encode()) % 3 for name in truth.speakers])
    found: dict[str, Any] = {"members": len(runs)}
    for thirds in (1, 2, 3):
        learnt = replace(truth, labels=np.where(third < thirds, truth.labels, NO_CONSENSUS))
        rows = int(((members.splits == "dev") & (learnt.labels != NO_CONSENSUS)).sum())
        found[f"{thirds}/3 of dev"] = {"rows": rows} | {
            method: _scored(judge, members, learnt, method, test, ceiling)
            for method in ("majority", "soft", "product", "linear", "opinion-pool")
        }
    return found


def _scored(
    judge: Judge, members: Members, truth: Truth, method: str, test: np.ndarray, ceiling: float
) -> dict[str, float]:
    """Return the scores of one method on the test rows."""
    config = StackConfig(method=method)
    stacker = stacker_of(config)
    fitted = stacker.fit(train_set_of(members, truth, config), config)
    combined = stacker.predict(fitted.weights, inputs_of(members, config))
    score = judge.score(combined.logits[test].argmax(1))
    return {"balanced_macro_f1": score, "share_of_ceiling": score / ceiling}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    workspace, recipe = Workspace.open(options.workspace), load(str(options.recipe))
    finished, manifest = (
        find_runs(workspace, recipe, RecipeOptions(), {}),
        Manifest.read(workspace.manifest),
    )
    judge = Judge(workspace, manifest)
    facts = json.loads((options.workspace / "simulation.json").read_text(encoding="utf-8"))
    best = judge.of(Predictions.read(options.workspace / "ceiling.parquet"))
    ceiling = judge.score(best)
    repeats = [repeat(judge, finished, recipe, n, ceiling) for n in range(recipe.repeats)]
    means = compare_means(workspace, manifest, repeats)
    all_of_them = larger(judge, finished, recipe, ceiling)
    made = tables(workspace, recipe, finished)
    results: dict[str, Any] = {
        "recipe": options.recipe.stem,
        "corpus": facts["asked"],
        "test_utterances": len(judge.ids),
        "ceiling": ceiling,
        "repeats": repeats,
        "means": means,
        "larger": all_of_them,
        "tables": {one.title: {"header": one.header, "rows": one.rows} for one in made},
        "environment": environment(),
    }
    for one in made:
        print(text(one))
    for ours, rivals in JUDGED.items():
        for name in rivals:
            found = [one["against"][ours][name] for one in repeats]
            gains = ", ".join(f"{one['gain']:+.3f} (p {one['p']:.3f})" for one in found)
            mean = means[ours][name]
            print(f"{ours} against {name}: {mean['gain']:+.3f} (p {mean['p']:.3f}); {gains}")
        shares = [one["share_of_ceiling"][ours] for one in repeats]
        spread = np.std(shares, ddof=1)
        print(f"{ours} of the ceiling {ceiling:.3f}: {np.mean(shares):.3f} ± {spread:.3f}")
    print(json.dumps(all_of_them, indent=1))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
