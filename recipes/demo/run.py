"""Run the demo, from an empty folder to a report and a table of results."""

import json
import shutil
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from medusa import console
from medusa.atomic import write_text
from medusa.device import one_thread
from medusa.errors import MedusaError, listed
from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.manifests import Manifest
from medusa.recipes.demo import session
from medusa.recipes.synthetic import world
from medusa.recipes.synthetic.checkpoints import write_checkpoints
from medusa.recipes.synthetic.corpus import AUDIO, LATENTS, NOTE, make_corpus
from medusa.reports.evaluate import evaluate
from medusa.scoring import macro_f1
from medusa.workspace import CONFIG_NAME, PATHS, Workspace

MARK = "demo.json"  # It marks a folder of a demo and holds the demo's settings.
MADE = (*PATHS.values(), AUDIO, LATENTS, session.CHECKPOINTS, session.CONFIG, session.REPORT)


def demo(root: Path, scale: session.Scale, seed: int, force: bool = False) -> None:
    """Run the missing parts of the demo in this folder and print the results.

    Args:
        root: the folder; it is made if there is none.
        scale: the sizes of the corpus and of the training.
        seed: the seed of the corpus and of the stand-ins' weights.
        force: remove this folder's demo first.

    Raises:
        MedusaError: the folder holds something else.
    """
    began = time.monotonic()
    claim(root, {"seed": seed, **json.loads(json.dumps(asdict(scale)))}, force)
    workspace = Workspace.open(root)
    if (root / session.REPORT).exists() and RunDir(workspace.runs / session.STACK).finished:
        console.say(f"{root}: the demo is complete; nothing to do (--force starts it again)")
    else:
        console.say(NOTE)
        with one_thread():
            _make(workspace, scale, seed)
            for words in session.commands(root, scale):
                session.run(root, words)
    _conclude(workspace)
    console.say(f"{time.monotonic() - began:.0f} s in all")


def claim(root: Path, settings: dict[str, object], force: bool) -> None:
    """Mark the folder as this demo's.

    Raises:
        MedusaError: it holds a demo with other settings, or files that the demo would overwrite.
    """
    root.mkdir(parents=True, exist_ok=True)
    mark = root / MARK
    present = [name for name in (*MADE, CONFIG_NAME) if (root / name).exists()]
    if present and not mark.exists():
        raise MedusaError(
            f"{root}: holds {listed(present)}, which no demo made; run the demo in another folder: "
            "`medusa --workspace NEW_FOLDER demo`"
        )
    if (root / CONFIG_NAME).exists():
        raise MedusaError(
            f"{root / CONFIG_NAME}: a demo writes into its own folder only; remove this file"
        )
    if mark.exists() and not force and json.loads(mark.read_text(encoding="utf-8")) != settings:
        raise MedusaError(
            f"{root}: holds a demo with other settings ({mark.name}); replace it with --force, or "
            "choose another folder with --workspace"
        )
    if force:
        for name in present:
            path = root / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if force or not mark.exists():
        write_text(mark, json.dumps(settings, indent=2) + "\n")


def _make(workspace: Workspace, scale: session.Scale, seed: int) -> None:
    """Write the inputs of the session: the corpus, the checkpoints and the configuration."""
    if workspace.manifest.exists():
        corpus = Manifest.read(workspace.manifest)
    else:
        corpus = make_corpus(workspace.manifest, scale.size, seed)
    speakers = corpus.frame["speaker"].nunique()
    disagreed = int((corpus.soft().max(1) < 1).sum())
    console.say(
        f"{workspace.root / AUDIO}: there are {len(corpus)} utterances by {speakers} made-up "
        f"speakers; the {world.VOTES} votes differ on {disagreed} of them"
    )
    paths = write_checkpoints(
        workspace.root / session.CHECKPOINTS, corpus.frame["text"].tolist(), seed
    )
    console.say(f"{workspace.root / session.CHECKPOINTS}: {', '.join(paths)} have random weights")
    write_text(workspace.root / session.CONFIG, session.HEAD_YAML)


def _conclude(workspace: Workspace) -> None:
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
