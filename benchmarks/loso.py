"""Leave one speaker out: heads, their stacks, and scikit-learn on the same features.

    python benchmarks/loso.py WORKSPACE --jobs 2 --json benchmarks/results/emodb.json

The workspace has an imported corpus with the features `egemaps-functionals` and `logmel`. Every
speaker is the test split of one fold. Two of the other speakers are dev, which selects epochs and
fits the stacker, and the rest train. The test predictions of all folds are scored together. Heads,
settings and seeds are the same for every fold, and were chosen on dev splits. The script may be
stopped and run again: finished folds are kept.
"""

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from medusa.atomic import write_text
from medusa.ensemble.stacker import StackConfig
from medusa.ensemble.stacking import stack
from medusa.heads.config import load
from medusa.heads.examples.choose import choose
from medusa.heads.queue.train_one import train_one
from medusa.heads.runs.environment import environment
from medusa.heads.runs.run_dir import new_run
from medusa.heads.spec import HeadSpec
from medusa.manifests import Manifest
from medusa.manifests.splits.folds import leave_out
from medusa.scoring.metrics import chance_macro_f1, confusion, macro_f1_of, uar_of
from medusa.scoring.resampling import interval, resampled_confusions
from medusa.scoring.significance import paired
from medusa.workspace import Workspace

SEEDS = (0, 1, 2)
COMMON = (
    *("head.width=64", "head.feedforward=128", "head.average_frames=8", "train.patience=10"),
    *("stages.0.lr=1e-3", "stages.0.epochs=30", "stages.1.lr=3e-4", "stages.1.epochs=10"),
)
F, L = "egemaps-functionals", "logmel"
HEADS = {
    "asp_mlp, eGeMAPS": ((F,), "asp_mlp"),
    "asp_mlp, log-mel": ((L,), "asp_mlp"),
    "asp_mlp, both": ((F, L), "asp_mlp"),
    "deepser, eGeMAPS": ((F,), "deepser"),
    "deepser, both": ((F, L), "deepser"),
}
DISCRIMINANTS = {"discriminant, eGeMAPS": (F,), "discriminant, both": (F, L)}  # they have no seeds
OURS = ("linear stack of 15", "opinion-pool stack of 17")  # these are compared with scikit-learn
VIEWS = {"eGeMAPS": (F,), "log-mel": (L,), "both": (F, L)}
# Their settings are scikit-learn's defaults, except the linear SVM's C; nothing is selected.
MODELS = {
    "logistic regression": lambda: LogisticRegression(max_iter=5000, class_weight="balanced"),
    "SVM, linear, C 0.01": lambda: SVC(kernel="linear", C=0.01, class_weight="balanced"),
    "SVM, RBF": lambda: SVC(class_weight="balanced"),
}
SystemClasses = dict[str, dict[str, str]]  # system -> id -> class


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    workspace = Workspace.open(options.workspace.resolve())
    manifest = Manifest.read(workspace.manifest)
    speakers = sorted(manifest.frame["speaker"].unique())
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        folds = list(pool.map(fold, [workspace.root] * len(speakers), speakers))
    predicted = {name: {k: v for one in folds for k, v in one[name].items()} for name in folds[0]}
    result = judged(manifest, predicted)
    show(result)
    if options.json:
        write_text(options.json, json.dumps(result, indent=2) + "\n")


def fold(root: Path, speaker: str) -> SystemClasses:
    """Train everything without this speaker, and return the classes that every system predicts."""
    torch.set_num_threads(1)
    workspace = fold_workspace(root, speaker)
    file = workspace.root / "said.json"
    if file.exists():
        return dict(json.loads(file.read_text("utf-8")))
    predicted: SystemClasses = {}
    runs: dict[int, list[str]] = {}
    for seed in SEEDS:
        for name, (backbones, head) in HEADS.items():
            settings = (*COMMON, f"head.name={head}", f"seed={seed}")
            title = f"{'+'.join(backbones)}-{head}-s{seed}"
            spec = HeadSpec(title, load("small", settings), backbones)
            train_one(workspace, spec, torch.device("cpu"))
            runs.setdefault(seed, []).append(title)
            predicted[f"{name} @{seed}"] = on_test(workspace, title)
    for seed, names in runs.items():
        for method in ("linear", "opinion-pool", "soft", "product"):
            stacked = f"{method}-s{seed}"
            combine(workspace, stacked, names, method)
            predicted[f"{method} stack of 5 @{seed}"] = on_test(workspace, stacked)
    every = [name for names in runs.values() for name in names]
    for method in ("linear", "opinion-pool", "soft", "product", "logreg", "svm"):
        combine(workspace, method, every, method)
        predicted[f"{method} stack of 15"] = on_test(workspace, method)
    for name, backbones in DISCRIMINANTS.items():
        title = f"{'+'.join(backbones)}-discriminant"
        config = load("small", ("head.name=discriminant", "head.pooling=statistics"))
        train_one(workspace, HeadSpec(title, config, backbones), torch.device("cpu"))
        every.append(title)
        predicted[name] = on_test(workspace, title)
    for method in ("linear", "opinion-pool", "soft", "product"):
        combine(workspace, f"{method}-17", every, method)
        predicted[f"{method} stack of 17"] = on_test(workspace, f"{method}-17")
    predicted |= baselines(workspace)
    write_text(file, json.dumps(predicted) + "\n")
    return predicted


def fold_workspace(root: Path, speaker: str) -> Workspace:
    """Return the workspace of a fold, which shares the features."""
    folder = root / "loso" / speaker
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "medusa.yaml", "features: ../../features\n")
    workspace = Workspace.open(folder)
    whole = Manifest.read(root / "manifest.parquet")
    whole.frame["split"] = leave_out(whole, [speaker], "speaker", dev=0.22, seed=0)
    whole.write(workspace.manifest)
    return workspace


def combine(workspace: Workspace, name: str, members: Sequence[str], method: str) -> None:
    """Stack some runs."""
    runs = [new_run(workspace.runs, member) for member in members]
    stack(
        new_run(workspace.runs, name), runs, Manifest.read(workspace.manifest), StackConfig(method)
    )


def on_test(workspace: Workspace, name: str) -> dict[str, str]:
    """Return id -> the class that a run predicts, for every test utterance."""
    found = new_run(workspace.runs, name).predictions()
    found = found.split("test")
    classes = found.logits().argmax(1)
    return {one: found.classes[c] for one, c in zip(found.ids, classes, strict=True)}


def baselines(workspace: Workspace) -> SystemClasses:
    """Fit scikit-learn on means over time, and for log-mel on deviations, too."""
    frame = Manifest.read(workspace.manifest).frame.dropna(subset=["label"])
    pooled = {}
    for name in (F, L):
        [(store, array)] = choose([workspace.features], [name])
        read = [store.read([one], array).values.float() for one in frame["content"]]
        parts = [np.concatenate([x.mean(0), x.std(0, correction=0)]) for x in read]
        pooled[name] = np.stack(parts)[:, : None if name == L else read[0].shape[1]]
    labels, splits = frame["label"].to_numpy(str), frame["split"].to_numpy(str)
    test, predicted = splits == "test", {}
    for view, names in VIEWS.items():
        x = np.concatenate([pooled[name] for name in names], axis=1)
        for name, make in MODELS.items():
            for fitted in (["train"], ["train", "dev"]):
                rows = np.isin(splits, fitted)
                model = make_pipeline(StandardScaler(), make()).fit(x[rows], labels[rows])
                classes_by_id = zip(frame["id"][test], model.predict(x[test]), strict=True)
                predicted[f"{name}, {view}, {' + '.join(fitted)}"] = {
                    k: str(v) for k, v in classes_by_id
                }
    return predicted


def judged(manifest: Manifest, predicted: SystemClasses) -> dict[str, object]:
    """Score all systems on all utterances, with mean and deviation for those with seeds."""
    frame = manifest.frame.dropna(subset=["label"]).set_index("id")
    numbers = {name: number for number, name in enumerate(manifest.scheme.classes)}
    truth = frame["label"].map(numbers).to_numpy()
    systems: dict[str, dict[str, object]] = {}
    guesses = {}
    for name, classes_by_id in predicted.items():
        assert set(classes_by_id) == set(frame.index), name
        guess = np.array([numbers[classes_by_id[one]] for one in frame.index])
        guesses[name] = guess
        matrix = confusion(truth, guess, len(numbers))
        draws = resampled_confusions(truth, guess, len(numbers), frame["speaker"].tolist())
        score = {"macro_f1": float(macro_f1_of(matrix)), "uar": float(uar_of(matrix))}
        score |= {"uar_interval": interval(uar_of(draws))}
        title, _, seed = name.partition(" @")
        systems.setdefault(title, {})[seed or "all"] = score
    for scores in systems.values():
        if "all" not in scores:
            for metric in ("macro_f1", "uar"):
                values = [one[metric] for one in scores.values() if isinstance(one, dict)]
                scores[f"{metric}_mean_std"] = [np.mean(values), np.std(values, ddof=1)]
    speakers, against = frame["speaker"].tolist(), dict[str, dict[str, object]]()
    for ours in OURS:
        against[ours] = {}
        for name, guess in guesses.items():
            if name.startswith(tuple(MODELS)):
                found = paired(truth, guesses[ours], guess, len(numbers), speakers)
                values = {"gain": found.value, "interval": found.interval, "p": found.p}
                against[ours][name] = values
    prior = np.bincount(truth, minlength=len(numbers)).astype(float)
    facts = {"utterances": len(truth), "speakers": int(frame["speaker"].nunique())}
    chance = {"uar": 1 / len(numbers), "macro_f1": chance_macro_f1(prior, truth)}
    return {
        **facts,
        "chance": chance,
        "systems": systems,
        "macro_f1_against": against,
        "environment": environment(),
    }


def show(result: dict[str, object]) -> None:
    """Print the scores and the comparisons."""
    print(f"{result['utterances']} utterances, {result['speakers']} speakers; {result['chance']}")
    for name, scores in dict(result["systems"]).items():
        if "all" in scores:
            one = scores["all"]
            low, high = one["uar_interval"]
            print(f"{name:48}UAR {one['uar']:.3f} ({low:.3f}-{high:.3f})  F1 {one['macro_f1']:.3f}")
        else:
            (uar, spread), (f1, other) = scores["uar_mean_std"], scores["macro_f1_mean_std"]
            print(f"{name:48}UAR {uar:.3f} +- {spread:.3f}        F1 {f1:.3f} +- {other:.3f}")
    for ours, rivals in dict(result["macro_f1_against"]).items():
        for name, one in rivals.items():
            print(f"{ours} against {name:48}F1 {one['gain']:+.3f}  p {one['p']:.3f}")


if __name__ == "__main__":
    main()
