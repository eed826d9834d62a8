"""`medusa transcribe --show FLAG` lists the stored transcripts that may be wrong."""

import json
from pathlib import Path

import pandas as pd
import pytest

from medusa.errors import ConfigError, DataError
from medusa.extract.transcription.decoder import Transcript
from medusa.extract.transcription.flagged import FLAGS, flagged_transcripts
from medusa.manifests.texts import write_transcripts
from medusa.tests.command_line import call, invoke
from medusa.workspace import Workspace


@pytest.fixture
def home(tmp_path: Path) -> Path:
    flags = [["looping", "too-fast"], [], ["empty"]]
    frame = pd.DataFrame(
        {"id": ["u1", "u2", "u3"], "content": list("abc"), "text": ["aik aik", "well", ""]}
    ).assign(language="en", avg_logprob=-1.0, no_speech_prob=0.5, compression_ratio=2.0)
    write_transcripts(tmp_path / "transcripts" / "base.parquet", frame.assign(flags=flags))
    (tmp_path / "manifest.parquet").touch()
    return tmp_path


def test_rows_with_a_flag(home: Path) -> None:
    workspace = Workspace.open(home)
    assert [row["id"] for row in flagged_transcripts(workspace, "looping")] == ["u1"]
    assert [row["id"] for row in flagged_transcripts(workspace, "all", "base")] == ["u1", "u3"]
    shown = call(home, "transcribe", "--show", "looping")
    assert "aik aik" in shown.stdout and "well" not in shown.stdout
    rows = json.loads(call(home, "transcribe", "--show", "too-fast", "--json").stdout)
    assert rows[0]["flags"] == "looping, too-fast" and rows[0]["no_speech_prob"] == 0.5
    assert (
        "no transcript has the flag language"
        in call(home, "transcribe", "--show", "language").stderr
    )


def test_unknown_flags_and_tables_are_refused(home: Path) -> None:
    with pytest.raises(ConfigError, match=r"'loop' \(did you mean 'looping'\?\): one of empty"):
        raise invoke(home, "transcribe", "--show", "loop").exception  # type: ignore[misc]
    (home / "transcripts" / "other.parquet").touch()
    with pytest.raises(DataError, match="there are base, other; choose one with --name"):
        flagged_transcripts(Workspace.open(home), "all")
    for path in (home / "transcripts").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="there is none"):
        flagged_transcripts(Workspace.open(home), "all")


def test_every_flag_of_the_decoder_can_be_shown() -> None:
    odd = Transcript("x" * 999, "en", -9.0, 1.0, 9.0, 1.0, "en", "de")
    assert {*odd.flags, *Transcript("", "en", 0.0, 0.0, 0.0).flags} == {*FLAGS}
