"""A corpus to try a recipe on where there is none: the demo's, with its stand-in encoders."""

from medusa.console import say
from medusa.manifests import Manifest
from medusa.recipes.demo import session
from medusa.recipes.demo.checkpoints import write_checkpoints
from medusa.recipes.demo.corpus import NOTE, Size, make_corpus
from medusa.recipes.features import CHECKPOINTS
from medusa.workspace import Workspace

SIZE, SEED = Size(utterances=120, speakers=12), 0


def make_small(place: Workspace) -> None:
    """Make what is missing of the made-up corpus, unless the workspace has a corpus of its own."""
    folder = place.root / CHECKPOINTS
    if place.manifest.exists() and not folder.exists():
        return
    if not place.manifest.exists():
        folder.mkdir(exist_ok=True)  # the mark that what follows is ours to complete
        say(NOTE)
        make_corpus(place.manifest, SIZE, SEED)
    corpus = Manifest.read(place.manifest)
    if corpus.frame["split"].isna().all():
        session.run(place.root, ["manifest", "split", "--by", "speaker"])
    if corpus.frame["text"].notna().all():
        write_checkpoints(folder, corpus.frame["text"].tolist(), SEED)
