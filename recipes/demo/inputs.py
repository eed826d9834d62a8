"""The inputs of the demo's session: the corpus, the checkpoints and the configuration."""

from medusa import console
from medusa.atomic import write_text
from medusa.manifests import Manifest
from medusa.recipes.demo import session
from medusa.recipes.demo.checkpoints import make_checkpoints
from medusa.recipes.synthetic import world
from medusa.recipes.synthetic.corpus import AUDIO, make_corpus
from medusa.workspace import Workspace


def make_inputs(workspace: Workspace, scale: session.Scale, seed: int) -> None:
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
    make_checkpoints(workspace.root, corpus.frame["text"].tolist(), seed)
    write_text(workspace.root / session.CONFIG, session.HEAD_YAML)
