"""MEDUSA on the corpus with known answers: is the ensemble better, how near is it to the ceiling?

    medusa --workspace W simulate --utterances 5000
    medusa --workspace W run benchmarks/simulated.yaml --jobs 2
    python benchmarks/simulated.py W --json benchmarks/results/simulated.json

Judges every repeat of the recipe on the same test utterances, balanced (every class counts alike),
with paired bootstraps over speakers; the best member is the best on dev.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from medusa.ensemble.bootstrap import interval
from medusa.ensemble.significance import paired, two_sided
from medusa.ensemble.truth import UNLABELLED, truth_of
from medusa.heads.predictions import Predictions
from medusa.heads.run_dir import SUMMARY, RunDir, environment
from medusa.manifests import Manifest
from medusa.recipes.recipe import load
from medusa.recipes.render import text
from medusa.recipes.scores import balanced_macro_f1
from medusa.recipes.scores import judge as judge_all
from medusa.recipes.state import State
from medusa.recipes.tables import tables
from medusa.recipes.work import head_tasks, stack_tasks
from medusa.workspace import Workspace

RECIPE = Path(__file__).with_suffix(".yaml")
JUDGED = {
    "soup": ("best member", "soft", "majority", "single"),
    "pool": ("best member", "soft", "majority", "product", "soup"),
}


class Judge:
    """What runs say about the labelled test utterances."""

    def __init__(self, place: Workspace, manifest: Manifest) -> None:
        self.place, self.manifest = place, manifest
        frame = manifest.frame
        rows = (frame["split"] == "test") & frame["label"].notna()
        self.ids = frame["id"][rows].tolist()
        truth = truth_of(manifest, self.ids, ["test"] * len(self.ids), manifest.scheme.classes)
        self.truth, self.blocks = truth.labels, truth.blocks
        assert (self.truth != UNLABELLED).all()

    def said(self, run: str) -> np.ndarray:
        return self.of(RunDir(self.place.runs / run).predictions())

    def of(self, predictions: Predictions) -> np.ndarray:
        return predictions.select(self.ids).logits().argmax(1)

    def score(self, said: np.ndarray) -> float:
        matrix = np.zeros((len(self.manifest.scheme.classes),) * 2)
        np.add.at(matrix, (self.truth, said), 1)
        return float(balanced_macro_f1(matrix))

    def better(self, first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
        classes = len(self.manifest.scheme.classes)
        found = paired(self.truth, first, second, classes, self.blocks, balanced=True)
        return {"ahead": found.value, "interval": list(found.interval), "p": found.p}


def repeat(judge: Judge, state: State, recipe: Any, number: int, ceiling: float) -> dict[str, Any]:
    """Judge one repeat: members, votes, one stacker, the soup."""
    heads = [one for one in head_tasks(recipe, False) if one.repeat == number]
    runs = {one.head: state.heads[one.name] for one in heads}
    of_dev = {
        head: RunDir(judge.place.runs / run).read_json(SUMMARY)["dev_macro_f1"]
        for head, run in runs.items()
    }
    chosen = {"best member": runs[max(of_dev, key=lambda head: of_dev[head])]}
    for task in stack_tasks(recipe):
        if task.repeat == number:
            chosen[task.stack] = state.stacks[task.name]
    said = {name: judge.said(run) for name, run in chosen.items()}
    return {
        "runs": chosen,
        "balanced_macro_f1": {name: judge.score(one) for name, one in said.items()},
        "share_of_ceiling": {one: judge.score(said[one]) / ceiling for one in JUDGED},
        "against": {
            one: {name: judge.better(said[one], said[name]) for name in rivals}
            for one, rivals in JUDGED.items()
        },
    }


def together(place: Workspace, manifest: Manifest, repeats: Any) -> dict[str, Any]:
    """Compare means over the repeats, in the same resamples of the speakers."""
    names = sorted({run for one in repeats for run in one["runs"].values()})
    judged = judge_all([RunDir(place.runs / name) for name in names], manifest)
    found: dict[str, Any] = {}
    for ours, rivals in JUDGED.items():
        found[ours] = {}
        for rival in rivals:
            pairs = [(one["runs"][ours], one["runs"][rival]) for one in repeats]
            drawn = [
                judged.resampled(a, "balanced") - judged.resampled(b, "balanced") for a, b in pairs
            ]
            ahead = [judged.scores(a)["balanced"] - judged.scores(b)["balanced"] for a, b in pairs]
            mean = np.mean(drawn, axis=0)
            found[ours][rival] = {
                "ahead": float(np.mean(ahead)),
                "interval": list(interval(mean)),
                "p": two_sided(mean),
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    place, recipe = Workspace.open(options.workspace), load(str(RECIPE))
    state, manifest = State.read(place, RECIPE.stem), Manifest.read(place.manifest)
    judge = Judge(place, manifest)
    facts = json.loads((options.workspace / "simulation.json").read_text(encoding="utf-8"))
    best = judge.of(Predictions.read(options.workspace / "ceiling.parquet"))
    ceiling = judge.score(best)
    repeats = [repeat(judge, state, recipe, n, ceiling) for n in range(recipe.repeats)]
    means = together(place, manifest, repeats)
    made = tables(place, recipe, state)
    results: dict[str, Any] = {
        "corpus": facts["asked"],
        "test_utterances": len(judge.ids),
        "ceiling": ceiling,
        "repeats": repeats,
        "means": means,
        "tables": {one.title: {"header": one.header, "rows": one.rows} for one in made},
        "environment": environment(),
    }
    for one in made:
        print(text(one))
    for ours, rivals in JUDGED.items():
        for name in rivals:
            found = [one["against"][ours][name] for one in repeats]
            ahead = ", ".join(f"{one['ahead']:+.3f} (p {one['p']:.3f})" for one in found)
            mean = means[ours][name]
            print(f"{ours} against {name}: {mean['ahead']:+.3f} (p {mean['p']:.3f}); {ahead}")
        shares = [one["share_of_ceiling"][ours] for one in repeats]
        spread = np.std(shares, ddof=1)
        print(f"{ours} of the ceiling {ceiling:.3f}: {np.mean(shares):.3f} ± {spread:.3f}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
