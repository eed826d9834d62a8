"""A corpus to try a recipe on where there is none: the demo's, with its stand-in encoders."""

from pathlib import Path

from medusa.console import say
from medusa.manifests import Manifest
from medusa.recipes.demo import session
from medusa.recipes.demo.checkpoints import write_checkpoints
from medusa.recipes.demo.corpus import NOTE, Size, make_corpus
from medusa.recipes.state import FOLDER
from medusa.workspace import Workspace

SIZE, SEED = Size(utterances=120, speakers=12), 0
STAND_INS = "stand-ins"  # apart from a workspace's own checkpoints: no other run may take them


def make_small(place: Workspace) -> Path | None:
    """Make what is missing of the made-up corpus, unless the workspace has a corpus of its own.

    Returns:
        The folder of the stand-ins; None for a corpus that the demo did not make.
    """
    if not place.manifest.exists():
        say(NOTE)
        make_corpus(place.manifest, SIZE, SEED)
    corpus = Manifest.read(place.manifest)
    if corpus.provenance.get("corpus") != "demo":
        return None
    if corpus.frame["split"].isna().all():
        session.run(place.root, ["manifest", "split", "--by", "speaker"])
    folder = place.root / FOLDER / STAND_INS
    if corpus.frame["text"].notna().all():
        write_checkpoints(folder, corpus.frame["text"].tolist(), SEED)
    return folder
