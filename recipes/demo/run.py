"""Run the demo, from an empty folder to a report and a table of results."""

import json
import time
from dataclasses import asdict
from pathlib import Path

from medusa import console
from medusa.device import one_thread
from medusa.heads.runs.run_dir import RunDir
from medusa.recipes.demo import session
from medusa.recipes.demo.claim import alone, claim
from medusa.recipes.demo.conclusion import conclude
from medusa.recipes.demo.inputs import make_inputs
from medusa.recipes.synthetic.corpus import NOTE
from medusa.workspace import Workspace


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
    with alone(root):
        _run(root, scale, seed, force)
    conclude(Workspace.open(root))
    console.say(f"{time.monotonic() - began:.0f} s in all")


def _run(root: Path, scale: session.Scale, seed: int, force: bool) -> None:
    """Run the missing parts."""
    claim(root, {"seed": seed, **json.loads(json.dumps(asdict(scale)))}, force)
    workspace = Workspace.open(root)
    if (root / session.REPORT).exists() and RunDir(workspace.runs / session.STACK).finished:
        console.say(f"{root}: the demo is complete; nothing to do (--force starts it again)")
    else:
        console.say(NOTE)
        with one_thread():
            make_inputs(workspace, scale, seed)
            for words in session.commands(root, scale):
                session.run(root, words)
