"""The runs of a recipe on one simulated corpus, scored on a larger draw of the same simulation.

    medusa --workspace W simulate --utterances 10000 --seed 8
    medusa --workspace W run benchmarks/simulated_discriminants.yaml --jobs 2
    medusa --workspace J simulate --utterances 20000 --seed 9
    python benchmarks/simulated_elsewhere.py W J --recipe benchmarks/simulated_discriminants.yaml \
        --json benchmarks/results/simulated_discriminants_elsewhere_seed8.json

The test split of W has 20 utterances of the rarest class, which are too few to distinguish scores
that differ by .01. All of J is new to every head and stack: nothing is fitted or selected on it. If
the recipe has ablations (simulated_ablations.yaml), each is compared with the whole system on J.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from simulated import JUDGED, difference

from medusa.atomic import write_text
from medusa.ensemble.stored_stack import apply_stack
from medusa.heads.config import Config
from medusa.heads.examples.choose import choose
from medusa.heads.examples.join import join_examples
from medusa.heads.networks.head import average_frames_of, build
from medusa.heads.runs.environment import environment
from medusa.heads.runs.run_dir import SUMMARY, WEIGHTS, RunDir
from medusa.heads.training.checkpoint import load_weights
from medusa.heads.training.loss import auxiliary
from medusa.heads.training.predict import predict
from medusa.manifests import Manifest
from medusa.manifests.texts import content_of
from medusa.recipes.definition.load import load
from medusa.recipes.find_runs import RecipeRuns, find_runs
from medusa.recipes.options import RecipeOptions
from medusa.recipes.tasks import HeadTask, head_tasks, stack_tasks
from medusa.scoring.metrics import balanced_macro_f1_of, confusion
from medusa.scoring.predictions import Predictions
from medusa.scoring.resampling import interval, resampled_confusions
from medusa.scoring.significance import holm
from medusa.workspace import Workspace

CPU = torch.device("cpu")


class Elsewhere:
    """The labelled utterances of another workspace, and the predictions of runs for them."""

    def __init__(self, workspace: Workspace) -> None:
        whole = Manifest.read(workspace.manifest)
        self.workspace, self.manifest = workspace, whole.where(whole.frame["label"].notna())
        self.texts = self.manifest.frame.set_index("id")["text"].map(content_of)
        frame = self.manifest.frame.set_index("id").sort_index()
        self.ids, self.speakers = frame.index.tolist(), frame["speaker"].tolist()
        numbers = {name: number for number, name in enumerate(self.manifest.scheme.classes)}
        self.truth = frame["label"].map(numbers).to_numpy(np.int64)

    def head(self, run: RunDir, task: HeadTask) -> Predictions:
        """Predict with a head, whose streams are found here by their names."""
        config: Config = task.config
        chosen = choose([self.workspace.features], task.features)
        examples = join_examples(self.manifest, self.texts, chosen, average_frames_of(config.head))
        outputs = auxiliary(config.loss)
        head = build(config.head, examples.widths, len(examples.classes), outputs)
        load_weights(run.path / WEIGHTS, head)
        logits, attributes = predict(head, examples, np.arange(len(examples.ids)), CPU)
        splits = examples.splits.tolist()
        return Predictions.of(
            examples.ids, splits, logits, attributes, examples.classes, run.digest()
        )

    def stack(self, run: RunDir, predicted: dict[str, Predictions]) -> np.ndarray:
        """Return the classes that a stack predicts from the predictions of its members."""
        names = [one["name"] for one in run.config()["members"]]
        stacked = apply_stack(run, {name: predicted[name] for name in names})
        assert stacked.ids == self.ids
        return stacked.logits().argmax(1)

    def score(self, predicted: np.ndarray) -> float:
        """Return the balanced macro-F1."""
        classes = len(self.manifest.scheme.classes)
        return float(balanced_macro_f1_of(confusion(self.truth, predicted, classes)))

    def resampled(self, predicted: np.ndarray) -> np.ndarray:
        """Return the balanced macro-F1 in every resample of the speakers."""
        classes = len(self.manifest.scheme.classes)
        drawn = resampled_confusions(self.truth, predicted, classes, self.speakers)
        return np.asarray(balanced_macro_f1_of(drawn))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("judged_on", type=Path)
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    workspace, recipe = Workspace.open(options.workspace), load(str(options.recipe))
    judged_on = Elsewhere(Workspace.open(options.judged_on))
    finished = find_runs(workspace, recipe, RecipeOptions(), {})
    best = Predictions.read(options.judged_on / "ceiling.parquet").select(judged_on.ids)
    ceiling = judged_on.score(best.logits().argmax(1))
    torch.set_num_threads(1)
    predicted = [
        predicted_classes(workspace, judged_on, recipe, finished, n) for n in range(recipe.repeats)
    ]
    result = {
        "recipe": options.recipe.stem,
        "corpus": simulation_options(options.workspace),
        "judged_on": simulation_options(options.judged_on),
        "utterances": len(judged_on.ids),
        "ceiling": ceiling,
        "systems": scores(judged_on, predicted, ceiling),
        "against": against(judged_on, predicted) if recipe.stacks else {},
        "ablations": ablations(workspace, judged_on, recipe, finished),
        "environment": environment(),
    }
    show(result)
    if options.json:
        write_text(options.json, json.dumps(result, indent=2) + "\n")


def predicted_classes(
    workspace: Workspace, judged_on: Elsewhere, recipe: Any, finished: RecipeRuns, number: int
) -> dict[str, np.ndarray]:
    """Return the classes that each head and stack of a repeat, and the best member, predict."""
    tasks = {one.head: one for one in head_tasks(recipe, False) if one.repeat == number}
    runs = {head: RunDir(workspace.runs / finished.heads[one.name]) for head, one in tasks.items()}
    head_predictions = {head: judged_on.head(run, tasks[head]) for head, run in runs.items()}
    of_dev = {head: run.read_json(SUMMARY)["dev_macro_f1"] for head, run in runs.items()}
    predicted = {
        head: one.select(judged_on.ids).logits().argmax(1) for head, one in head_predictions.items()
    }
    predicted["best member"] = predicted[max(of_dev, key=lambda head: of_dev[head])]
    by_run = {runs[head].name: one for head, one in head_predictions.items()}
    for task in stack_tasks(recipe):
        if task.repeat == number:
            predicted[task.stack] = judged_on.stack(
                RunDir(workspace.runs / finished.stacks[task.name]), by_run
            )
    return predicted


def scores(
    judged_on: Elsewhere, predicted: list[dict[str, np.ndarray]], ceiling: float
) -> dict[str, dict[str, Any]]:
    """Return each system's balanced macro-F1 and share of the ceiling in every repeat."""
    summary: dict[str, dict[str, Any]] = {}
    for name in predicted[0]:
        values = [judged_on.score(one[name]) for one in predicted]
        drawn = np.mean([judged_on.resampled(one[name]) for one in predicted], axis=0)
        summary[name] = {
            "balanced_macro_f1": values,
            "interval_of_mean": list(interval(drawn)),
            "share_of_ceiling": [value / ceiling for value in values],
        }
    return summary


def against(
    judged_on: Elsewhere, predicted: list[dict[str, np.ndarray]]
) -> dict[str, dict[str, Any]]:
    """Compare the means over the repeats in the same resamples of the speakers."""
    summary: dict[str, dict[str, Any]] = {}
    for ours, rivals in JUDGED.items():
        summary[ours] = {}
        for rival in rivals:
            gains = [judged_on.score(one[ours]) - judged_on.score(one[rival]) for one in predicted]
            drawn = [
                judged_on.resampled(one[ours]) - judged_on.resampled(one[rival])
                for one in predicted
            ]
            summary[ours][rival] = difference(gains, drawn)
    return summary


def ablations(
    workspace: Workspace, judged_on: Elsewhere, recipe: Any, finished: RecipeRuns
) -> dict[str, dict[str, Any]]:
    """Compare every ablation with the unchanged heads, over all repeats; Holm corrects p."""
    scored: dict[str, tuple[float, np.ndarray]] = {}

    def of(task: HeadTask) -> tuple[float, np.ndarray]:
        """Return the score of a head and its resamples, which are computed one time."""
        if task.name not in scored:
            head_predictions = judged_on.head(
                RunDir(workspace.runs / finished.heads[task.name]), task
            ).select(judged_on.ids)
            predicted = head_predictions.logits().argmax(1)
            scored[task.name] = judged_on.score(predicted), judged_on.resampled(predicted)
        return scored[task.name]

    tasks = list(head_tasks(recipe))
    whole = {(one.head, one.repeat): one for one in tasks if one.ablation is None}
    summary = {}
    for name in recipe.ablations:
        pairs = [
            (of(whole[one.head, one.repeat]), of(one)) for one in tasks if one.ablation == name
        ]
        gains = [after[0] - before[0] for before, after in pairs]
        drawn = [after[1] - before[1] for before, after in pairs]
        summary[name] = difference(gains, drawn) | {"of_each": gains}
    for one, p in zip(summary.values(), holm([one["p"] for one in summary.values()]), strict=True):
        one["p"] = p
    return summary


def simulation_options(folder: Path) -> dict[str, Any]:
    """Return the options with which a workspace was simulated."""
    facts = json.loads((folder / "simulation.json").read_text(encoding="utf-8"))
    return dict(facts["asked"])


def show(result: dict[str, Any]) -> None:
    """Print the scores, the comparisons and the ablations."""
    print(f"{result['utterances']} utterances, ceiling {result['ceiling']:.4f}")
    for name, one in result["systems"].items():
        values, shares = one["balanced_macro_f1"], one["share_of_ceiling"]
        low, high = one["interval_of_mean"]
        print(
            f"{name:12} {np.mean(values):.4f} ± {np.std(values, ddof=1):.4f} "
            f"({low:.4f}-{high:.4f})  {np.mean(shares):.4f} ± {np.std(shares, ddof=1):.4f}"
        )
    for ours, rivals in result["against"].items():
        for rival, one in rivals.items():
            low, high = one["interval"]
            print(f"{ours} - {rival}: {one['gain']:+.4f} ({low:+.4f}-{high:+.4f})  p {one['p']}")
    for name, one in result["ablations"].items():
        low, high = one["interval"]
        print(f"{name}: {one['gain']:+.4f} ({low:+.4f}-{high:+.4f})  p {one['p']} (Holm)")


if __name__ == "__main__":
    main()
