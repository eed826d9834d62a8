"""A manifest has one row per utterance; its Parquet file also holds the label scheme and votes."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from medusa.errors import ManifestError, listed
from medusa.foreign import foreign
from medusa.manifests.label_scheme import ATTRIBUTES, LabelScheme
from medusa.parquet import read_parquet, write_parquet

TEXTS = ("path", "content", "speaker", "gender", "language", "split", "text", "label")
NUMBERS = ("start_s", "duration_s")

VOTE = pa.struct(
    [("rater", pa.string()), ("primary", pa.string()), ("secondary", pa.list_(pa.string()))]
    + [(name, pa.float32()) for name in ATTRIBUTES]
)
VOTE_COLUMNS = ("id", *VOTE.names)


@dataclass
class Manifest:
    """A corpus is one table.

    Attributes:
        frame: a row per utterance with the columns of `docs/contracts.md`, except `votes`.
            The constructor fills absent columns with nulls; ids must be unique.
        scheme: the classes and their order.
        votes: a row per (utterance, rater) with the columns `VOTE_COLUMNS`, or None.
        root: the folder of the manifest's file; `path` is relative to it.
        provenance: the origin of the rows: the importer, its options, the split and its seed.
    """

    frame: pd.DataFrame
    scheme: LabelScheme
    votes: pd.DataFrame | None = None
    root: Path = Path()
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.frame = _complete(self.frame, self.scheme)

    def __len__(self) -> int:
        return len(self.frame)

    def soft(self) -> npt.NDArray[np.float32]:
        """Return the soft labels (U, C); rows without a label are NaN."""
        return self.frame[self.scheme.columns].to_numpy(np.float32)

    def audio_path(self, path: str) -> Path:
        """Return the file on disk of a row's `path`."""
        return self.root / path

    def split(self, *names: str) -> "Manifest":
        """Return the rows of these splits.

        Raises:
            ManifestError: no row has a split yet, or one of these splits has no row.
        """
        present = [str(name) for name in self.frame["split"].dropna().unique()]
        if not present:
            raise ManifestError(
                "the manifest has no split; make one with `medusa manifest split random`"
            )
        absent = [name for name in names if name not in present]
        if absent:
            remedy = "; make dev with `medusa manifest split random --keep-test`"
            present_note = f"the splits are {listed(present)}{remedy if 'dev' in absent else ''}"
            raise ManifestError(f"no row is in split {listed(absent)}; {present_note}")
        return self.where(self.frame["split"].isin(names))

    def where(self, mask: "pd.Series[bool]") -> "Manifest":
        """Return the rows where `mask` is true, with their votes."""
        frame = self.frame[mask].reset_index(drop=True)
        votes = self.votes
        if votes is not None:
            votes = votes[found_in(votes["id"], frame["id"])].reset_index(drop=True)
        return Manifest(frame, self.scheme, votes, self.root, self.provenance)

    def digest(self) -> str:
        """Return 16 hex digits that change whenever a row or the label scheme changes."""
        rows = pd.util.hash_pandas_object(self.frame, index=False).to_numpy()
        scheme = json.dumps([self.scheme.name, self.scheme.classes])
        return hashlib.sha256(rows.tobytes() + scheme.encode()).hexdigest()[:16]

    def write(self, path: Path) -> None:
        """Write a Parquet file atomically; `path` must already be relative to its folder."""
        table = pa.Table.from_pandas(self.frame, schema=_schema(self.scheme), preserve_index=False)
        table = table.append_column("votes", nest_votes(self.votes, self.frame["id"]))
        scheme = {"name": self.scheme.name, "classes": list(self.scheme.classes)}
        path.parent.mkdir(parents=True, exist_ok=True)
        about = {
            "medusa.scheme": json.dumps(scheme),
            "medusa.provenance": json.dumps(self.provenance),
        }
        write_parquet(path, table, about)

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        """Read a manifest that `write` wrote.

        Raises:
            ManifestError: the file is missing or damaged, or it is not a manifest.
        """
        if not path.exists():
            raise ManifestError(
                f"{path}: no manifest here; make one with `medusa manifest import CORPUS PATH`"
            )
        remedy = "import the corpus again with --force"
        sentence = f"{path}: not a readable Parquet file"
        with foreign(ManifestError, lambda reason: f"{sentence} ({reason}); {remedy}"):
            table = read_parquet(path)
        metadata = table.schema.metadata or {}
        if b"medusa.scheme" not in metadata:
            raise ManifestError(
                f"{path}: this Parquet file is not a manifest (it has no label scheme inside); "
                "import a table with `medusa manifest import csv`"
            )
        sentence = f"{path}: the manifest is damaged"
        with foreign(ManifestError, lambda reason: f"{sentence} ({reason}); {remedy}"):
            scheme = json.loads(metadata[b"medusa.scheme"])
            return cls(
                frame=table.drop_columns(["votes"]).to_pandas(),
                scheme=LabelScheme(scheme["name"], tuple(scheme["classes"])),
                votes=flatten_votes(table.column("votes"), table.column("id")),
                root=path.parent,
                provenance=json.loads(metadata[b"medusa.provenance"]),
            )


def found_in(values: "pd.Series[str]", among: "pd.Series[str]") -> npt.NDArray[np.bool_]:
    """Return which values are among others; `isin` takes minutes if both are long."""
    places = pd.Index(among.unique()).get_indexer(pd.Index(values))
    is_present: npt.NDArray[np.bool_] = places >= 0
    return is_present


def _schema(scheme: LabelScheme) -> pa.Schema:
    fields = [("id", pa.string()), *((name, pa.string()) for name in TEXTS)]
    fields += [(name, pa.float64()) for name in NUMBERS]
    fields += [(name, pa.float32()) for name in (*scheme.columns, *ATTRIBUTES)]
    return pa.schema(fields)


def _complete(frame: pd.DataFrame, scheme: LabelScheme) -> pd.DataFrame:
    """Return the frame with exactly the contract's columns, in order; absent columns are null."""
    schema = _schema(scheme)
    unknown = [name for name in frame.columns if name not in schema.names]
    if unknown:
        raise ManifestError(f"not manifest columns: {listed(unknown)}; see docs/contracts.md")
    duplicates = frame["id"][frame["id"].duplicated()]
    if len(duplicates):
        raise ManifestError(f"ids must be unique, but these come twice: {listed(duplicates)}")
    full = pd.DataFrame(index=range(len(frame)))
    for name, kind in zip(schema.names, schema.types, strict=True):
        values = frame[name].reset_index(drop=True) if name in frame else None
        if pa.types.is_string(kind):
            full[name] = pd.Series(values, index=full.index, dtype="str")
        else:
            full[name] = pd.Series(values, index=full.index, dtype=kind.to_pandas_dtype())
    return full


def nest_votes(votes: pd.DataFrame | None, ids: "pd.Series[str]") -> pa.Array:
    """Return one list of structs per id from the table of votes; an id without votes has null."""
    if votes is None:
        return pa.nulls(len(ids), pa.list_(VOTE))
    row = pd.Series(np.arange(len(ids)), index=ids).reindex(votes["id"]).to_numpy()
    if np.isnan(row).any():
        raise ManifestError(f"votes for unknown ids: {listed(votes['id'][np.isnan(row)].unique())}")
    votes = votes.iloc[np.argsort(row, kind="stable")]
    counts = np.bincount(row.astype(np.int64), minlength=len(ids))
    arrays = [_one_chunk(votes[field.name], field.type) for field in VOTE]
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    values = pa.StructArray.from_arrays(arrays, fields=list(VOTE))
    return pa.ListArray.from_arrays(offsets, values, mask=pa.array(counts == 0))


def _one_chunk(column: "pd.Series[Any]", kind: pa.DataType) -> pa.Array:
    """Return a column as one array; a concatenated column consists of several chunks."""
    array = pa.array(column, kind, from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def flatten_votes(nested: pa.ChunkedArray, ids: pa.ChunkedArray) -> pd.DataFrame | None:
    """Undo `nest_votes`: return a row per vote with the utterance's id, or None without votes."""
    if nested.null_count == len(nested):
        return None
    table = pa.table({"id": ids, "vote": nested}).combine_chunks()
    votes = table["vote"].chunk(0)
    owners = table["id"].take(pc.list_parent_indices(votes))
    columns = dict(zip(VOTE.names, votes.flatten().flatten(), strict=True))
    votes_frame: pd.DataFrame = pa.table({"id": owners, **columns}).to_pandas()
    return votes_frame
