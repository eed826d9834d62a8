"""The names of `import medusa` exist, load late, and print nothing."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import medusa

SPEAKERS = ("03", "08", "09", "10", "11", "12")
FEELINGS = "WLEAFTN"


def recordings(folder: Path) -> Path:
    """Write one second of noise for each speaker and feeling, named as EmoDB's files."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for speaker in SPEAKERS:
        for feeling in FEELINGS:
            noise = rng.normal(0, 0.1, 16_000).astype(np.float32)
            soundfile.write(folder / f"{speaker}a01{feeling}a.wav", noise, 16_000)
    return folder


def test_every_public_name_exists_and_none_is_loaded_before_its_use() -> None:
    for name in medusa.__all__:
        assert getattr(medusa, name).__doc__, name
    code = "import sys, medusa; print(sorted(m for m in sys.modules if m.startswith('medusa')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [name for name in eval(done.stdout) if "editable" not in name] == ["medusa"]


def test_a_function_prints_nothing_unless_it_is_asked_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = recordings(tmp_path / "emodb")
    workspace = medusa.Workspace.open(tmp_path)
    medusa.import_corpus(workspace, "emodb", corpus)
    assert capsys.readouterr() == ("", "")
    with medusa.show_progress():
        assert not medusa.import_corpus(workspace, "emodb", corpus).written
    assert "nothing to do" in capsys.readouterr().err
