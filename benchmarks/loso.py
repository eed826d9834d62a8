"""Leave one speaker out: heads, their stack, and scikit-learn on the same cache and speakers.

    python benchmarks/loso.py WORKSPACE --jobs 2 --json benchmarks/results/emodb.json

The workspace is an import of EmoDB with the features `egemaps-functionals` and `logmel`. Every speaker
is the test split once; of the others, two are dev (they select and fit the stacker) and the rest
train. All test predictions together are judged. Heads, settings and seeds are the same for every
fold and were chosen on dev splits. May be stopped and run again: finished folds are kept.
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

from medusa.ensemble.bootstrap import interval, resampled_confusions
from medusa.ensemble.run import stack
from medusa.ensemble.stack import StackConfig
from medusa.heads.config import load
from medusa.heads.data import choose
from medusa.heads.metrics import chance_macro_f1, confusion, confusion_macro_f1, confusion_uar
from medusa.heads.orders import Order, train_one
from medusa.heads.run_dir import RunDir, environment, write_text
from medusa.manifests import Manifest
from medusa.manifests.folds import leave_out
from medusa.workspace import Workspace

SEEDS = (0, 1, 2)
COMMON = (
    *("head.width=64", "head.feedforward=128", "head.stride=8", "train.patience=10"),
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
BASELINES = {
    "logistic regression": lambda: LogisticRegression(max_iter=5000, class_weight="balanced"),
    "SVM, linear, C 0.01": lambda: SVC(kernel="linear", C=0.01, class_weight="balanced"),
    "SVM, RBF": lambda: SVC(class_weight="balanced"),
}
VIEWS = {"eGeMAPS": (F,), "log-mel": (L,), "both": (F, L)}
Said = dict[str, dict[str, str]]  # by system: class by id
