"""A workspace, or a folder to write to, that is reached through a symbolic link."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from medusa.manifests.manifest import Manifest
from medusa.tests.command_line import invoke

NAMES = ("03a01Wa.wav", "08a01Fa.wav")


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """Return a link, at another depth than its workspace, with a small EmoDB in it."""
    (tmp_path / "emodb").mkdir()
    for seed, name in enumerate(NAMES):
        sound = np.random.default_rng(seed).normal(scale=0.1, size=400)
        soundfile.write(tmp_path / "emodb" / name, sound, 8000)
    link = link_to(tmp_path / "deep/a/b/work", tmp_path / "work")
    run(link, "import", "emodb", tmp_path / "emodb")
    return link


def link_to(folder: Path, link: Path) -> Path:
    folder.mkdir(parents=True)
    link.symlink_to(folder)
    return link


def run(home: Path, *words: object) -> str:
    """Return what a command says that must succeed."""
    done = invoke(home, "manifest", *words)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def same_files(paths: list[Path], folder: Path) -> bool:
    """Tell whether these are the recordings, as the system finds them."""
    return all(
        os.path.samefile(path, folder / name) for path, name in zip(paths, NAMES, strict=True)
    )


def test_the_audit_finds_the_recordings(linked: Path) -> None:
    assert "missing" not in run(linked, "audit", "--digests")


def test_an_export_names_the_recordings_and_comes_back(linked: Path, tmp_path: Path) -> None:
    out = link_to(tmp_path / "far/off/out", tmp_path / "out")
    run(linked, "export", "csv", out / "table.csv")
    paths = pd.read_csv(out / "table.csv")["path"]
    assert same_files([out / path for path in paths], tmp_path / "emodb")
    for number, folder in enumerate((out, out.resolve())):
        home = tmp_path / f"back{number}"
        home.mkdir()
        run(home, "import", "csv", folder / "table.csv")
        back = Manifest.read(home / "manifest.parquet")
        assert same_files([home / path for path in back.frame["path"]], tmp_path / "emodb")


def test_merged_manifests_name_the_recordings(linked: Path, tmp_path: Path) -> None:
    home = link_to(tmp_path / "further/both", tmp_path / "both")
    run(home, "merge", f"a={linked}/manifest.parquet")
    merged = Manifest.read(home / "manifest.parquet")
    assert same_files([home / path for path in merged.frame["path"]], tmp_path / "emodb")
