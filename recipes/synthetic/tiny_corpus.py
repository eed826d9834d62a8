"""The synthetic corpus and random-weight checkpoints on which `--tiny` runs a recipe."""

from pathlib import Path

from medusa.console import say
from medusa.manifests import Manifest
from medusa.manifests.splits.plan import SplitPlan, divided
from medusa.recipes.synthetic.checkpoints import write_checkpoints
from medusa.recipes.synthetic.corpus import NOTE, Size, make_corpus
from medusa.workspace import Workspace

SIZE, SEED = Size(utterances=120, speakers=12), 0
PLAN = SplitPlan("speaker", SEED, dev=0.2, test=0.2)


def make_tiny_corpus(workspace: Workspace, stand_ins: Path) -> Path | None:
    """Write the missing parts of the synthetic corpus, unless the workspace has its own corpus.

    Args:
        workspace: the workspace.
        stand_ins: the folder of the random-weight checkpoints. It is not the workspace's folder of
            checkpoints, so no other run uses them.

    Returns:
        `stand_ins`, or None for a corpus that is not the synthetic one.
    """
    if not workspace.manifest.exists():
        say(NOTE)
        make_corpus(workspace.manifest, SIZE, SEED)
    corpus = Manifest.read(workspace.manifest)
    if corpus.provenance.get("corpus") != "demo":
        return None
    if corpus.frame["split"].isna().all():
        corpus = divided(corpus, PLAN)
        corpus.write(workspace.manifest)
    if corpus.frame["text"].notna().all():
        write_checkpoints(stand_ins, corpus.frame["text"].tolist(), SEED)
    return stand_ins
