"""A workspace with trained heads and a stack: synthetic voices, random encoders, transcripts."""

from pathlib import Path

import pytest

import medusa
from medusa.extract.extraction_options import ExtractionOptions
from medusa.extract.transcription.transcription_options import TranscriptionOptions
from medusa.manifests import Manifest
from medusa.manifests.splits.plan import SplitPlan, divided
from medusa.recipes.synthetic.checkpoints import write_checkpoints
from medusa.recipes.synthetic.corpus import Size, make_corpus
from medusa.workspace import Workspace

QUICK = ("head.width=8", "head.feedforward=8", "stages.0.epochs=1", "stages.1.epochs=1")
TOKENS = TranscriptionOptions(max_tokens=6, name="words")


def extracted(workspace: Workspace, name: str, paths: dict[str, Path], **options: object) -> None:
    choices = ExtractionOptions(checkpoint=str(paths[name]), **options)  # type: ignore[arg-type]
    medusa.extract_features(workspace, [name], choices)


def fitted(workspace: Workspace, name: str, *features: str, text: str | None = None) -> None:
    specs = medusa.head_specs(workspace, "small", QUICK, name=name, features=features, text=text)
    medusa.fit_heads(workspace, specs)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with the heads `a` (audio and transcripts), `b` (int8, summed layers), `c`
    (the corpus's own texts), and the stack `s` of a and b; tests only read it."""
    root = tmp_path_factory.mktemp("trained")
    corpus = divided(
        make_corpus(root / "manifest.parquet", Size(36, 9), 0),
        SplitPlan("speaker", 0, dev=0.3, test=0.3),
    )
    corpus.write(root / "manifest.parquet")
    workspace = Workspace.open(root)
    paths = write_checkpoints(root / "checkpoints", corpus.frame["text"].tolist(), 0)
    medusa.transcribe(workspace, str(paths["whisper"]), TOKENS)
    extracted(workspace, "whisper", paths)
    extracted(workspace, "wavlm", paths, layers="1-3", reduce="none", dtype="int8")
    extracted(workspace, "roberta", paths, text="words")
    extracted(workspace, "modernbert", paths, text="manifest")
    fitted(workspace, "a", "whisper", "roberta", text="words")
    fitted(workspace, "b", "wavlm:*")
    fitted(workspace, "c", "whisper", "modernbert", text="manifest")
    medusa.fit_stack(workspace, ["a", "b"], name="s", config=medusa.StackConfig("linear", seeds=2))
    return root


@pytest.fixture(scope="session")
def clips(trained: Path) -> list[Path]:
    """Return the recordings of the test split."""
    manifest = Manifest.read(trained / "manifest.parquet").split("test")
    return [manifest.audio_path(path) for path in manifest.frame["path"]]
