"""A table of transcripts that several processes fill, and one whose writing fails."""

import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from medusa.errors import DataError
from medusa.extract.inputs.utterances import Utterance
from medusa.extract.transcription import table as transcripts
from medusa.extract.transcription.decoder import Transcript
from medusa.extract.transcription.table import TranscriptTable
from medusa.manifests.texts import read_transcripts

ENGLISH, GERMAN = {"language": "en"}, {"language": "de"}


def spoken(*ids: str) -> list[Utterance]:
    return [Utterance(name, f"content of {name}", "", 1.0) for name in ids]


def said(text: str) -> Transcript:
    return Transcript(text, "en", -0.2, 0.0, 1.0)


def fill(table: TranscriptTable, *ids: str, text: str = "so") -> None:
    for one in spoken(*ids):
        table.add(one.content, said(text))
    table.write(spoken(*ids))


def texts(path: Path) -> dict[str, str]:
    frame = read_transcripts(path)
    return dict(zip(frame["id"], frame["text"], strict=True))


def test_two_that_were_opened_at_once_keep_each_others_rows(tmp_path: Path) -> None:
    """As `medusa transcribe --split train` beside `--split dev` do."""
    path = tmp_path / "tiny.parquet"
    train, dev = TranscriptTable(path, ENGLISH), TranscriptTable(path, ENGLISH)
    fill(train, "u1", "u3", text="train")
    fill(dev, "u0", "u2", text="dev")
    fill(train, "u1", "u3", "u5", text="train")
    expected = {"u1": "train", "u3": "train", "u5": "train", "u0": "dev", "u2": "dev"}
    assert texts(path) == expected
    fill(TranscriptTable(path, ENGLISH, force=True), "u9")
    assert texts(path) == {"u9": "so"}


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "tiny.parquet"

    def work(writer: int) -> None:
        table = TranscriptTable(path, ENGLISH)
        for number in range(15):
            fill(table, f"{writer}-{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert set(texts(path)) == {f"{writer}-{n}" for writer in range(4) for n in range(15)}


def test_one_with_other_options_does_not_write_into_it(tmp_path: Path) -> None:
    path = tmp_path / "tiny.parquet"
    english, german = TranscriptTable(path, ENGLISH), TranscriptTable(path, GERMAN)
    fill(english, "u0")
    with pytest.raises(DataError, match=r"another language \(en, not de\)"):
        fill(german, "u1")
    assert texts(path) == {"u0": "so"}


def test_after_a_full_disk_no_old_text_has_the_new_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "tiny.parquet"
    fill(TranscriptTable(path, ENGLISH), "u0", text="english")
    monkeypatch.setattr(transcripts, "write_transcripts", full)
    with pytest.raises(OSError, match="No space"):
        fill(TranscriptTable(path, GERMAN, force=True), "u0", text="deutsch")
    monkeypatch.undo()
    assert TranscriptTable(path, GERMAN).rows == {}


def test_a_table_that_has_everything_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tiny.parquet"
    fill(TranscriptTable(path, ENGLISH), "u0", "u1")
    before = path.stat().st_ino
    TranscriptTable(path, ENGLISH).write(spoken("u0", "u1"))
    assert path.stat().st_ino == before
