"""A new corpus is one file in the folder of importers, and nothing else."""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import Result

from medusa.manifests import importers
from medusa.manifests.audio import content_of
from medusa.manifests.manifest import Manifest
from medusa.tests.command_line import invoke

MODULE = f"{importers.__name__}.toy_corpus"
IMPORTER = '''"""The toy corpus: recordings with the names SPEAKER-EMOTION.wav."""

import re

import click

from medusa.manifests.import_tools.acted_corpus import acted_corpus
from medusa.manifests.label_scheme import LabelScheme

OPTIONS = [click.Option(["--language"], default="en", help="The language of all speakers.")]
NAME = re.compile(r"(?P<speaker>[a-z])-(?P<emotion>glad|sad)$")
SCHEME = LabelScheme("toy", ("glad", "sad"))


def import_corpus(root, language="en"):
    def row(file, name):
        return {"id": file.stem, "path": str(file), "speaker": name["speaker"],
                "language": language, "label": name["emotion"]}

    return acted_corpus(root, "Toy", NAME, "a-glad.wav", row, SCHEME)
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Add a folder of importers, with the toy importer as its one file."""
    added = tmp_path / "added"
    added.mkdir()
    (added / "toy_corpus.py").write_text(IMPORTER)
    monkeypatch.setattr(importers, "__path__", [*importers.__path__, str(added)])
    yield added
    sys.modules.pop(MODULE, None)
    vars(importers).pop("toy_corpus", None)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Write twelve recordings: six speakers with two emotions each."""
    root = tmp_path / "recordings"
    root.mkdir()
    for number, name in enumerate(f"{who}-{how}" for who in "abcdef" for how in ("glad", "sad")):
        sound = np.random.default_rng(number).normal(scale=0.1, size=800 + number)
        soundfile.write(root / f"{name}.wav", sound, 8000)
    return root


def run(home: Path, *words: object) -> Result:
    result = invoke(home, "manifest", *words)
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def test_one_file_adds_a_corpus_to_the_command_line(
    tmp_path: Path, folder: Path, recordings: Path
) -> None:
    assert [path.name for path in folder.iterdir()] == ["toy_corpus.py"]
    assert "toy-corpus" in (listing := run(tmp_path, "import", "--help").stdout)
    assert "The toy corpus: recordings with the names" in " ".join(listing.split())
    assert "--language TEXT" in run(tmp_path, "import", "toy-corpus", "--help").stdout

    run(tmp_path, "import", "toy-corpus", recordings, "--language", "de")
    run(tmp_path, "split", "random", "--dev", "0.17", "--test", "0.17")
    manifest = Manifest.read(tmp_path / "manifest.parquet")
    frame = manifest.frame
    assert frame["id"].tolist() == [f"{who}-{how}" for who in "abcdef" for how in ("glad", "sad")]
    assert frame["label"].tolist() == ["glad", "sad"] * 6
    assert manifest.soft().tolist() == [[1, 0], [0, 1]] * 6
    assert frame["speaker"].tolist() == [who for who in "abcdef" for _ in range(2)]
    assert set(frame["language"]) == {"de"}
    assert frame["duration_s"].tolist() == [(800 + number) / 8000 for number in range(12)]
    digest = hashlib.sha256((recordings / "a-sad.wav").read_bytes()).hexdigest()
    assert frame["content"][1] == content_of(digest, 0, 801 / 8000)
    assert frame["split"].value_counts().to_dict() == {"train": 8, "dev": 2, "test": 2}
    assert manifest.provenance["corpus"] == "toy-corpus"
    assert manifest.provenance["options"] == {"language": "de"}

    report = json.loads(run(tmp_path, "audit", "--digests", "--json").stdout)
    assert report["error"] == 0
    run(tmp_path, "export", "csv", tmp_path / "table.csv")
    header, first, *_ = (tmp_path / "table.csv").read_text().splitlines()
    assert header.startswith("id,") and first.startswith("a-glad,")
