"""The workspaces in which the blocks of the pages are run."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from filelock import FileLock

from medusa.heads.config import settings
from medusa.recipes.synthetic.checkpoints import write_checkpoints
from medusa.tests.pages.blocks import ROOT
from medusa.tests.pages.sessions import run_page
from medusa.tests.test_api import SPEAKERS, recordings

SHORT = {"width": 16, "feedforward": 32, "average_frames": 8}


def write_presets(folder: Path) -> Path:
    """Write the presets again, with small heads that are trained for one epoch."""
    folder.mkdir()
    for path in settings.CONFIGS.glob("*.yaml"):
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        values["head"] |= SHORT
        values["train"]["draws"] = 2
        for stage in values["stages"]:
            stage["epochs"] = 1
        (folder / path.name).write_text(yaml.safe_dump(values), encoding="utf-8")
    return folder


def write_places(folder: Path) -> Path:
    """Write the files that the pages name: corpora, recordings, a table, and checkpoints."""
    places = folder / "PATH" / "TO"
    places.mkdir(parents=True)
    corpus = recordings(places / "emodb")
    (places / "recordings").mkdir()
    for path in sorted(corpus.iterdir())[:2]:
        shutil.copy(path, places / "recordings")
    write_recordings(folder)
    rng, rows = np.random.default_rng(0), ["file,emotion,person"]
    (places / "wav").mkdir()
    for number in range(60):
        emotion, speaker = ("angry", "sad", "calm")[number % 3], f"s{number // 6}"
        noise = rng.normal(0, 0.02 + 0.05 * (number % 3), 8_000).astype(np.float32)
        soundfile.write(places / "wav" / f"u{number:03}.wav", noise, 16_000)
        rows.append(f"wav/u{number:03}.wav,{emotion},{speaker}")
    (places / "table.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    paths = write_checkpoints(folder / "checkpoints", ["one sentence", "and another one"], 0)
    named = {name: str(path.relative_to(folder)) for name, path in paths.items()}
    (folder / "medusa.yaml").write_text(yaml.safe_dump({"checkpoints": named}), encoding="utf-8")
    return folder


def write_recordings(folder: Path) -> None:
    """Write the recordings that pages name, and tables of them."""
    noise = np.random.default_rng(1).normal(0, 0.1, 32_000).astype(np.float32)
    for name in ("interview.wav", "talk.flac", "talk.mp3"):
        soundfile.write(folder / name, noise, 16_000)
    for name in ("a", "b", "both", "c"):
        (folder / name).mkdir()
    shutil.copytree(folder / "PATH" / "TO" / "recordings", folder / "recordings")
    recording = "PATH/TO/emodb/{0}a01{1}a.wav"
    table = ["Clip,File,Actor,Emotion,Angry,Sad"]
    for speaker in SPEAKERS:
        table.append(f"{speaker}W,{recording.format(speaker, 'W')},{speaker},Angry,3,1")
        table.append(f"{speaker}T,{recording.format(speaker, 'T')},{speaker},Sad,0,4")
    (folder / "table.csv").write_text("\n".join(table) + "\n", encoding="utf-8")
    (folder / "clips.csv").write_text("path,start,end\ninterview.wav,0.5,1.5\n", encoding="utf-8")


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return a folder that all processes of the tests share, with the presets and the places."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "pages"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "places").is_dir():
            write_presets(folder / "presets")
            write_places(folder / "places")
    return folder


@pytest.fixture(scope="session")
def finished(base: Path) -> Path:
    """Return the workspace that README's session leaves."""
    workspace = base / "finished"
    with FileLock(base / "lock"), pytest.MonkeyPatch.context() as patch:
        if not (base / "README has run").exists():
            shutil.copytree(base / "places", workspace)
            patch.setattr(settings, "CONFIGS", base / "presets")
            patch.chdir(workspace)
            run_page(ROOT / "README.md", workspace)
            (base / "README has run").touch()
    return workspace


@pytest.fixture
def run_copy(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path, Path], Path]:
    """Return a function that runs a page in a copy of a workspace, with heads that are small."""

    def run(page: Path, source: Path) -> Path:
        workspace = shutil.copytree(source, tmp_path / "workspace")
        monkeypatch.setattr(settings, "CONFIGS", base / "presets")
        monkeypatch.chdir(workspace)
        run_page(page, workspace)
        return workspace

    return run
