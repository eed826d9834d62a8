"""The text of an utterance is the corpus's own text, or it comes from a table of transcripts."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from medusa.errors import DataError, listed, nearest, plural
from medusa.foreign import foreign
from medusa.manifests.manifest import Manifest
from medusa.parquet import read_parquet, write_parquet
from medusa.seal import read_sealed
from medusa.workspace import require_listable

MANIFEST = "manifest"
REMEDY = "make it again with `medusa transcribe"
TRANSCRIPTS = pa.schema(
    [
        ("id", pa.string()),
        ("content", pa.string()),
        ("text", pa.string()),
        ("language", pa.string()),
        ("avg_logprob", pa.float32()),
        ("no_speech_prob", pa.float32()),
        ("compression_ratio", pa.float32()),
        ("flags", pa.list_(pa.string())),
    ]
)


def content_of(text: str) -> str:
    """Return the 32 hex digits that name a text; they are the key of its features."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def texts_of(
    manifest: Manifest, transcripts: Path, source: str | None = None
) -> tuple[str, "pd.Series[str]"]:
    """Return the text of every utterance.

    A transcript is used only if its audio is the manifest's (it has the same `content`).

    Args:
        manifest: the utterances.
        transcripts: the folder with the tables of transcripts; it need not exist.
        source: `manifest`, or the name of a table. None uses the only table; if there is no table,
            it uses the manifest's own texts.

    Returns:
        The name of the source that was used, and the texts by id, in the manifest's order. An
        absent text is null, and `require_texts` refuses it.

    Raises:
        DataError: there is no such table, or there are several tables and `source` is None.
    """
    source = source or _only_source(transcripts)
    if source == MANIFEST:
        return source, manifest.frame.set_index("id")["text"]
    return source, transcripts_of(manifest, transcripts, source)["text"]


def transcripts_of(manifest: Manifest, transcripts: Path, source: str) -> pd.DataFrame:
    """Return the rows of a table of transcripts by id, in the manifest's order.

    A row is null if there is no transcript, or if its audio is not the manifest's.

    Args:
        manifest: the utterances.
        transcripts: the folder with the tables of transcripts.
        source: the name of a table.

    Raises:
        DataError: there is no such table, or it is damaged.
    """
    ids = manifest.frame["id"]
    table = read_transcripts(_table_path(transcripts, source)).set_index("id").reindex(ids)
    same = table["content"].to_numpy() == manifest.frame["content"].to_numpy()
    matching: pd.DataFrame = table[same].reindex(ids)
    return matching


def require_texts(texts: "pd.Series[str]", source: str) -> None:
    """Raise if an utterance has no text; an empty text is allowed.

    Args:
        texts: the texts that `texts_of` returned.
        source: the source that `texts_of` returned.

    Raises:
        DataError: the message names the ids and the command that makes transcripts.
    """
    ids = list(texts.index[texts.isna()])
    if not ids:
        return
    rows = plural(len(ids), "utterance has")
    other = (
        "give every row of the corpus a text, or leave rows without one out: --missing drop"
        if source == MANIFEST
        else "use the corpus's own texts: --text manifest"
    )
    raise DataError(
        f"{rows} no text in {source!r}: {listed(ids)}; run `medusa transcribe`, or {other}"
    )


def sources(transcripts: Path) -> list[str]:
    """Return the names of the tables of transcripts in a folder, sorted."""
    require_listable(transcripts)
    return sorted(path.stem for path in transcripts.glob("*.parquet") if path.name[0] != ".")


def read_transcripts(path: Path) -> pd.DataFrame:
    """Read a table of transcripts (`docs/contracts.md`).

    Raises:
        DataError: the file is missing, or it is not a table of transcripts.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file; make transcripts with `medusa transcribe`")
    with foreign(
        DataError, lambda reason: f"{path}: not a table of transcripts: {reason}; {REMEDY}`"
    ):
        table = read_parquet(path).select(TRANSCRIPTS.names).cast(TRANSCRIPTS)
        frame: pd.DataFrame = table.replace_schema_metadata(None).to_pandas()
        return frame


def read_record(path: Path) -> dict[str, Any]:
    """Return the model and the options of a table of transcripts, from the JSON file beside it.

    Raises:
        DataError: the file is damaged.
    """
    with foreign(DataError, lambda reason: f"{path}: damaged ({reason}); {REMEDY} --force`"):
        recorded = dict(json.loads(read_sealed(path)))
    recorded.pop("seal", None)
    return recorded


def write_transcripts(path: Path, frame: pd.DataFrame) -> None:
    """Write a table of transcripts atomically.

    Args:
        path: `transcripts/<model>.parquet`.
        frame: a row per utterance with the columns of `docs/contracts.md`; a cell of `flags` is a
            list.

    Raises:
        DataError: columns are missing or unknown, or an id comes twice.
    """
    odd = set(frame.columns) ^ set(TRANSCRIPTS.names)
    if odd:
        raise DataError(f"{path}: missing or unknown columns: {listed(sorted(odd))}")
    twice = frame["id"][frame["id"].duplicated()]
    if len(twice):
        raise DataError(f"{path}: ids must be unique, but these come twice: {listed(twice)}")
    table = pa.Table.from_pandas(frame, schema=TRANSCRIPTS, preserve_index=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(path, table, {})


def _only_source(transcripts: Path) -> str:
    names = sources(transcripts)
    if len(names) > 1:
        raise DataError(_several(names))
    return names[0] if names else MANIFEST


def _several(names: Iterable[str]) -> str:
    listing = ", ".join([*names, MANIFEST])
    return f"there are several sources of text: {listing}; choose one with --text NAME"


def _table_path(transcripts: Path, source: str) -> Path:
    names = [*sources(transcripts), MANIFEST]
    if source not in names:
        raise DataError(
            f"no text named {source!r}{nearest(source, names)} in {transcripts}; "
            f"the sources are {', '.join(names)}; make transcripts with `medusa transcribe`"
        )
    return transcripts / f"{source}.parquet"
