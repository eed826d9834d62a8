"""scikit-learn on the time-averaged features of a workspace's own cache, for comparison with heads.

    python benchmarks/baselines.py WORKSPACE --backbones egemaps-functionals,logmel

The features are standardised and the classes are balanced. All settings are the defaults of
scikit-learn, except the linear SVM's C of 0.01; nothing is selected. The models are fitted on train
alone, and on train and dev together. They are scored on test.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from medusa.cache import FeatureStore
from medusa.heads.examples.choose import choose
from medusa.manifests import Manifest
from medusa.manifests.texts import content_of
from medusa.workspace import Workspace

MODELS = {
    "logistic regression": lambda: LogisticRegression(max_iter=5000, class_weight="balanced"),
    "SVM, linear, C 0.01": lambda: SVC(kernel="linear", C=0.01, class_weight="balanced"),
    "SVM, RBF": lambda: SVC(class_weight="balanced"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--backbones", required=True)
    options = parser.parse_args()
    workspace = Workspace.open(options.workspace)
    frame = Manifest.read(workspace.manifest).frame.dropna(subset=["label", "split"])
    chosen = choose(workspace.features, options.backbones.split(","))
    pooled = [
        np.stack(
            [
                store.read([content], array).values.float().mean(0)
                for content in contents(frame, store)
            ]
        )
        for store, array in chosen
    ]
    features, labels = np.concatenate(pooled, 1), frame["label"].to_numpy(str)
    split = frame["split"].to_numpy(str)
    test = split == "test"
    for name, make in MODELS.items():
        for fitted in (["train"], ["train", "dev"]):
            rows = np.isin(split, fitted)
            model = make_pipeline(StandardScaler(), make()).fit(features[rows], labels[rows])
            predicted = model.predict(features[test])
            f1 = f1_score(labels[test], predicted, average="macro")
            uar = recall_score(labels[test], predicted, average="macro")
            print(f"{name:22}{'+'.join(fitted):12}macro-F1 {f1:.3f}  UAR {uar:.3f}")


def contents(frame: pd.DataFrame, store: FeatureStore) -> list[str]:
    """Return the content of every utterance: of its recording, or of its text in the manifest."""
    if store.spec.input == "audio":
        return frame["content"].tolist()
    return [content_of(text) for text in frame["text"]]


if __name__ == "__main__":
    main()
