"""A table of transcripts, while a pass fills it."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from medusa.errors import DataError
from medusa.extract.inputs import Utterance
from medusa.extract.transcription.decoder import Transcript
from medusa.foreign import foreign
from medusa.lock import locked
from medusa.manifests.texts import (
    MANIFEST,
    TRANSCRIPTS,
    read_record,
    read_transcripts,
    write_transcripts,
)
from medusa.parquet import read_parquet, write_parquet
from medusa.seal import OPEN, write_sealed

WORD = pa.struct(
    [
        ("word", pa.string()),
        ("start_s", pa.float32()),
        ("end_s", pa.float32()),
        ("probability", pa.float32()),
    ]
)
WITH_WORDS = TRANSCRIPTS.append(pa.field("words", pa.list_(WORD)))
MEND = "give another --name, or replace it with --force"


class TranscriptTable:
    """A table whose key is the content of the audio in memory, and the utterance's id on disk.

    Next to `NAME.parquet`, the file `NAME.json` records the model and the options. Several
    processes may fill one table, each with its own utterances.

    Args:
        path: the Parquet file, which may not exist yet.
        made_by: checkpoint, revision and options; with `words`, the table has a column more.
        force: replace the stored rows when the first new rows are written.
        mend: the remedy that the error names.
        source: the name or the file of the model, which a trained model needs to transcribe.

    Raises:
        DataError: the file was made by another model or with other options.
    """

    def __init__(
        self,
        path: Path,
        made_by: dict[str, Any],
        force: bool = False,
        mend: str = MEND,
        source: str = "",
    ) -> None:
        if path.stem == MANIFEST:
            raise DataError(
                f"--name {MANIFEST}: this name means the manifest's own texts; give another name"
            )
        self.path, self.made_by, self.anew, self.mend = path, made_by, force, mend
        self.source = source
        self.schema = WITH_WORDS if made_by.get("words") else TRANSCRIPTS
        self.rows = {row["content"]: row for row in _records(self._stored_rows())}

    def add(self, content: str, transcript: Transcript) -> None:
        """Add the transcript of one piece of audio."""
        self.rows[content] = {
            "content": content,
            "text": transcript.text,
            "language": transcript.language,
            "avg_logprob": transcript.avg_logprob,
            "no_speech_prob": transcript.no_speech_prob,
            "compression_ratio": transcript.compression_ratio,
            "flags": transcript.flags,
        }
        if self.schema is WITH_WORDS:
            self.rows[content]["words"] = [asdict(word) for word in transcript.words or ()]

    def write(self, utterances: Sequence[Utterance]) -> None:
        """Write the rows of these utterances, in their order, and then the other stored rows.

        The table is written only if it changes.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.path, "writing this table", wait_s=-1):
            stored = self._stored_rows()  # another process may have written since
            records = _records(stored)
            self.rows = {row["content"]: row for row in records} | self.rows
            frame = self._of(utterances, records)
            if frame[["id", "content"]].equals(stored[["id", "content"]]):
                return
            if self.anew or not self.path.exists():
                self._begin()
            if self.schema is WITH_WORDS:
                _write_words(self.path, frame)
            else:
                write_transcripts(self.path, frame)

    def _stored_rows(self) -> pd.DataFrame:
        """Return the rows on disk, or none if they will be replaced."""
        if self.anew or not self.path.exists():
            return pd.DataFrame(columns=self.schema.names)
        self._refuse_another()
        return read_words(self.path) if self.schema is WITH_WORDS else read_transcripts(self.path)

    def _of(self, utterances: Sequence[Utterance], stored: list[dict[str, Any]]) -> pd.DataFrame:
        """Return the rows of these utterances, followed by the stored rows of other ids."""
        transcribed = [one for one in utterances if one.content in self.rows]
        rows = [self.rows[one.content] | {"id": one.id} for one in transcribed]
        ids = {one.id for one in utterances}
        rows += [row for row in stored if row["id"] not in ids]
        return pd.DataFrame(rows, columns=self.schema.names)

    def _begin(self) -> None:
        """Record the model and the options in a new JSON file, and remove the old rows."""
        self.path.unlink(missing_ok=True)
        about = self._about()
        recorded = self.made_by | {"source": self.source, "seal": OPEN}
        write_sealed(about, f"{json.dumps(recorded, indent=2)}\n".encode())
        self.anew = False

    def _about(self) -> Path:
        """Return the JSON file that records the model and the options."""
        return self.path.with_suffix(".json")

    def _refuse_another(self) -> None:
        """Raise an error if the stored rows were made with another model or other options."""
        about = self._about()
        if not about.exists():
            raise DataError(f"{self.path}: not written by `medusa transcribe`; {self.mend}")
        recorded = read_record(about)
        different = [key for key in self.made_by if recorded.get(key) != self.made_by[key]]
        if different:
            key = different[0]
            raise DataError(
                f"{self.path}: made with another {key} ({recorded.get(key)}, not "
                f"{self.made_by[key]}); {self.mend}"
            )


class UnwrittenTable(TranscriptTable):
    """A table of transcripts in memory."""

    def write(self, utterances: Sequence[Utterance]) -> None:
        """Keep the rows in memory."""


def read_words(path: Path) -> pd.DataFrame:
    """Read a table that `medusa transcribe --set words=true` wrote, its column `words` included.

    Raises:
        DataError: the file is not a table of transcripts, or it has no words.
    """
    frame = read_transcripts(path)
    table = read_parquet(path)
    if "words" not in table.column_names:
        raise DataError(
            f"{path}: the table has no words; make it again with "
            "`medusa transcribe --set words=true`"
        )
    with foreign(DataError, lambda reason: f"{path}: not a table of transcripts: {reason}"):
        words = table["words"].cast(WITH_WORDS.field("words").type)
        return frame.assign(words=words.to_pylist())


def _write_words(path: Path, frame: pd.DataFrame) -> None:
    """Write a table that has the column `words`."""
    table = pa.Table.from_pandas(frame, schema=WITH_WORDS, preserve_index=False)
    write_parquet(path, table, {})


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as dictionaries."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
