"""The session of docs/api.md runs as it is written, on made-up recordings and small checkpoints."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import medusa
from medusa.extract.backbones import ssl, text
from medusa.extract.encoders import Checkpoint
from medusa.recipes.synthetic.checkpoints import write_checkpoints

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"
SPEAKERS = ("03", "08", "09", "10", "11", "12")
FEELINGS = "WLEAFTN"


def session() -> str:
    """Return the Python program on the page."""
    return PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]


def recordings(folder: Path) -> Path:
    """Write one second of noise for each speaker and feeling, named as EmoDB's files."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for speaker in SPEAKERS:
        for feeling in FEELINGS:
            noise = rng.normal(0, 0.1, 16_000).astype(np.float32)
            soundfile.write(folder / f"{speaker}a01{feeling}a.wav", noise, 16_000)
    return folder


def test_the_session_is_short_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = session()
    assert len(program.strip().splitlines()) < 20
    corpus = recordings(tmp_path / "emodb")
    paths = write_checkpoints(tmp_path / "checkpoints", ["one sentence", "and another one"], 0)
    monkeypatch.setitem(ssl.CHECKPOINTS, "wavlm", Checkpoint(str(paths["wavlm"])))
    monkeypatch.setitem(text.CHECKPOINTS, "roberta", Checkpoint(str(paths["roberta"])))
    program = program.replace("PATH/TO/emodb", str(corpus)).replace(
        "large-v3", str(paths["whisper"])
    )
    (tmp_path / "workspace").mkdir()
    monkeypatch.chdir(tmp_path / "workspace")
    names: dict[str, object] = {}
    exec(compile(program, str(PAGE), "exec"), names)
    judged = names["judged"]
    assert isinstance(judged, dict) and 0 <= judged["uar"] <= 1 and judged["n"] > 0
    assert (tmp_path / "workspace" / "s.html").is_file()
    assert len(names["results"]) == 2  # type: ignore[arg-type]


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
