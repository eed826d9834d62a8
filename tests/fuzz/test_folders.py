"""Corpora that are found by names of files: damaged names, recordings and tables beside them."""

import os
import shutil
from pathlib import Path

import pytest

from medusa.manifests.import_corpus import import_corpus
from medusa.tests.fuzz.judge import each_seed, judged, judged_inside, outside
from medusa.tests.fuzz.mutate import mutated, one_damaged
from medusa.tests.manifests.test_found_files import ESD, RECORDINGS, corpus, recording
from medusa.workspace import Workspace

FOUND = ("emodb", "ravdess", "savee", "tess")


@pytest.mark.parametrize("name", FOUND)
def test_damaged_names_of_files(tmp_path: Path, name: str) -> None:
    home, root = tmp_path / "home", tmp_path / "corpus"
    home.mkdir()
    for stem in RECORDINGS[name]:
        recording(tmp_path / "whole" / f"{stem}.wav")
    whole = tmp_path / "whole" / f"{RECORDINGS[name][0]}.wav"
    inside = os.fsencode(whole.relative_to(tmp_path / "whole"))
    for seed in each_seed(60, 1.5):
        shutil.copytree(tmp_path / "whole", root)
        renamed = mutated(inside, seed).replace(b"\0", b"")
        path = Path(os.path.normpath(root / os.fsdecode(renamed)))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            (root / os.fsdecode(inside)).rename(path)
        except OSError:
            pass  # No file can have this name; the corpus is whole.
        if seed % 3 == 0 and path.is_relative_to(root) and os.path.isfile(path):
            path.write_bytes(mutated(path.read_bytes(), seed))
        before = outside(tmp_path, home)
        judged(lambda: import_corpus(Workspace.open(home), name, root, force=True))
        assert outside(tmp_path, home) == before
        shutil.rmtree(root)
        if not path.is_relative_to(root) and os.path.isfile(path):
            path.unlink()


@pytest.mark.parametrize("speaker", ["0001", "0002", "0013", "0016"])
def test_damaged_tables_of_esd(tmp_path: Path, speaker: str) -> None:
    home, root = tmp_path / "home", tmp_path / "corpus"
    home.mkdir()
    encoding, gap = next((encoding, gap) for name, encoding, gap in ESD if name == speaker)
    rows = [(f"{speaker}_00000{number}", "I did go", "Sad") for number in (1, 2)]
    for name, *_ in rows:
        recording(root / speaker / "Sad" / f"{name}.wav")
    data = "\r\n".join(gap.join(row) for row in rows).encode(encoding)
    for seed in each_seed(60, 1.5, share=4):
        (root / speaker / f"{speaker}.txt").write_bytes(mutated(data, seed))
        before = outside(tmp_path, home)
        judged(lambda: import_corpus(Workspace.open(home), "esd", root, force=True))
        assert outside(tmp_path, home) == before


@pytest.mark.parametrize("name", ["esd", "crema-d", "meld", "iemocap", "msp-podcast"])
def test_damaged_files_of_a_corpus(tmp_path: Path, name: str) -> None:
    home, root = tmp_path / "home", corpus(tmp_path / "corpus", name)
    home.mkdir()
    files = sorted(path for path in root.rglob("*") if path.is_file())
    for _ in one_damaged(files, each_seed(60, 1.5)):
        judged_inside(
            tmp_path, home, lambda: import_corpus(Workspace.open(home), name, root, force=True)
        )
