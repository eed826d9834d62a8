"""The demo's corpus and random-weight checkpoints, to try a recipe in an empty workspace."""

from pathlib import Path

from medusa.console import say
from medusa.manifests import Manifest
from medusa.recipes.demo import session
from medusa.recipes.demo.checkpoints import write_checkpoints
from medusa.recipes.demo.corpus import NOTE, Size, make_corpus
from medusa.recipes.state import FOLDER
from medusa.workspace import Workspace

SIZE, SEED = Size(utterances=120, speakers=12), 0
STAND_INS = "stand-ins"  # not among the workspace's checkpoints, so that no other run uses them


def make_tiny_corpus(workspace: Workspace) -> Path | None:
    """Write the missing parts of the made-up corpus, unless the workspace has its own corpus.

    Returns:
        The folder of the stand-ins; None for a corpus that the demo did not make.
    """
    if not workspace.manifest.exists():
        say(NOTE)
        make_corpus(workspace.manifest, SIZE, SEED)
    corpus = Manifest.read(workspace.manifest)
    if corpus.provenance.get("corpus") != "demo":
        return None
    if corpus.frame["split"].isna().all():
        session.run(workspace.root, ["manifest", "split", "--by", "speaker"])
    folder = workspace.root / FOLDER / STAND_INS
    if corpus.frame["text"].notna().all():
        write_checkpoints(folder, corpus.frame["text"].tolist(), SEED)
    return folder
