"""The made-up corpus of `--tiny`: its stand-in encoders are for no other corpus, no other run."""

import pandas as pd
import pytest

from medusa.manifests import LabelScheme, Manifest
from medusa.recipes.definition.recipe import Feature
from medusa.recipes.extraction import extraction_options
from medusa.recipes.synthetic import tiny_corpus as small
from medusa.recipes.synthetic.corpus import Size
from medusa.workspace import Workspace

WANTED = {name: Feature() for name in ("wavlm", "whisper")}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(small, "SIZE", Size(utterances=24, speakers=6))
    return Workspace.open(tmp_path)


def checkpoints(place, stand_ins=None):
    """Return the checkpoint of every feature that has one."""
    given = {
        name: extraction_options(place, name, feature, stand_ins=stand_ins).checkpoint
        for name, feature in WANTED.items()
    }
    return {name: path for name, path in given.items() if path}


def test_stand_ins_are_taken_by_tiny_runs_alone_and_after_ones_own(place):
    folder = small.make_tiny_corpus(place, place.root / "recipes" / "stand-ins")
    assert folder is not None and not (place.root / "checkpoints").exists()
    assert checkpoints(place) == {}  # the real ones
    there = {"wavlm": str(folder / "wavlm"), "whisper": str(folder / "whisper.pt")}
    assert checkpoints(place, folder) == there
    own = place.root / "checkpoints" / "wavlm"
    own.mkdir(parents=True)
    assert checkpoints(place, folder) == there | {"wavlm": str(own)}
    assert small.make_tiny_corpus(
        place, place.root / "recipes" / "stand-ins"
    ) == folder and not any(own.iterdir())


def test_a_corpus_of_ones_own_gets_no_stand_ins(place):
    frame = pd.DataFrame({"id": ["u0"], "content": ["c0"], "split": ["train"], "text": ["well"]})
    Manifest(frame, LabelScheme("own", ("angry", "sad"))).write(place.manifest)
    own = place.root / "checkpoints" / "wavlm"
    own.mkdir(parents=True)
    assert small.make_tiny_corpus(place, place.root / "recipes" / "stand-ins") is None
    assert [path.name for path in own.parent.iterdir()] == ["wavlm"]
    assert not (place.root / "recipes").exists() and set(checkpoints(place)) == {"wavlm"}
