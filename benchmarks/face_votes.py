"""How close does a reader of faces come to the raters of CREMA-D who heard the voice alone?

    python benchmarks/face_votes.py CREMA_D FOLDER

The votes of the corpus are real, and its recordings are not needed: a linear discriminant reads
how many raters chose each emotion when they saw the face without sound, and predicts the emotion
that other raters heard in the voice. Its report begins with the comparison with human agreement.
FOLDER becomes the workspace. Its feature store has the shares of the raters of the face.
"""

import argparse
import hashlib
import tempfile
from pathlib import Path

import numpy as np

from medusa.cache.exchange.foreign import Origin, import_foreign
from medusa.heads.queue.fit_heads import fit_heads
from medusa.heads.queue.head_specs import head_specs
from medusa.manifests import Manifest
from medusa.manifests.importers import crema_d
from medusa.manifests.splits.plan import SplitPlan, split_corpus
from medusa.reports.evaluate import evaluate
from medusa.reports.page import report
from medusa.scoring import agreement_sentence, vote_counts
from medusa.workspace import Workspace

NAME = "face"


def make_workspace(corpus: Path, workspace: Workspace) -> None:
    """Write the manifest of the voice, its split by speaker, and the features of the face."""
    voice, face = (crema_d.import_corpus(corpus, channel=name) for name in ("voice", "face"))
    voice.frame["content"] = [
        hashlib.sha256(name.encode()).hexdigest()[:16] for name in voice.frame["id"]
    ]
    voice.write(workspace.manifest)
    split_corpus(workspace, SplitPlan(by="speaker", seed=0, dev=0.2, test=0.4))
    manifest = Manifest.read(workspace.manifest)
    ids = manifest.frame["id"].tolist()
    counts = vote_counts(face, ids)
    assert counts is not None
    shares = (counts / np.maximum(counts.sum(1, keepdims=True), 1)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        for name, row in zip(ids, shares, strict=True):
            np.save(Path(folder) / f"{name}.npy", row)
        contents = dict(zip(ids, manifest.frame["content"], strict=True))
        import_foreign(Path(folder), Origin(NAME), contents, workspace.features)


def main() -> None:
    """Print the first sentence of the report, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    workspace = Workspace.open(given.folder)
    make_workspace(given.corpus, workspace)
    settings = ["head.name=discriminant"]
    heads = head_specs(workspace, "small", settings, name=NAME, features=[NAME])
    for result in fit_heads(workspace, heads):
        if result.problem:
            raise SystemExit(str(result.problem))
    found = evaluate(workspace, NAME)["human_agreement"]
    assert found is not None
    print(agreement_sentence(found))
    print(report(workspace, NAME))


if __name__ == "__main__":
    main()
