"""The results of the demo: the scores, and the best possible score."""

import numpy as np
import pandas as pd

from medusa import console
from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.manifests import Manifest
from medusa.recipes.demo import session
from medusa.recipes.synthetic import world
from medusa.recipes.synthetic.corpus import LATENTS, NOTE
from medusa.reports.evaluate import evaluate
from medusa.scoring import macro_f1
from medusa.workspace import Workspace


def conclude(workspace: Workspace) -> None:
    """Print the scores of the ensemble, its members, chance and the best possible prediction."""
    corpus = Manifest.read(workspace.manifest)
    run = RunDir(workspace.runs / session.STACK)
    result = evaluate(workspace, session.STACK)
    members = [one for one in run.read_json(SUMMARY)["comparison"] if one["kind"] == "member"]
    rows = [
        ("the ensemble", result["macro_f1"]),
        (f"its {len(members)} members, on average", _mean([one["macro_f1"] for one in members])),
        ("knowing what was drawn", ceiling(corpus)),
        ("guessing by the training prior", result["chance"]),
    ]
    title = f"test: {result['n']} utterances, {result['blocks']} unseen speakers"
    console.table(["", "macro-F1"], rows, title)
    console.say(NOTE)
    print(f"report: {workspace.root / session.REPORT}", flush=True)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def ceiling(corpus: Manifest, split: str = "test") -> float:
    """Return the macro-F1 of a prediction from the arousal and word polarities that were drawn.

    The prediction is the class of the highest exact posterior. It is scored against the same
    consensus labels as the heads.
    """
    rows = corpus.split(split).frame
    rows = rows[rows["label"].notna()]
    latents = pd.read_parquet(corpus.root / LATENTS).set_index("id").loc[rows["id"]]
    guess = (world.log_likelihood(latents) + np.log(world.PRIOR)).argmax(1)
    truth = np.array([world.CLASSES.index(label) for label in rows["label"]])
    return macro_f1(truth, guess, len(world.CLASSES))
