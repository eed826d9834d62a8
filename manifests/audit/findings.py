"""An audit reads a subject and returns findings."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from medusa.errors import ManifestError, listed
from medusa.foreign import foreign
from medusa.manifests.label_scheme import ATTRIBUTES, LabelScheme
from medusa.manifests.manifest import NUMBERS, TEXTS, flatten_votes

LEVELS = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """A finding is a fault of a manifest, or a fact that the user should know.

    Attributes:
        level: one of `LEVELS`; an error makes results wrong or a later command fail.
        check: the name of the check, in a word or two.
        message: the fault or the fact.
        remedy: the way to mend it.
        where: all utterances, files, speakers or classes concerned.
    """

    level: str
    check: str
    message: str
    remedy: str
    where: tuple[str, ...] = ()

    def row(self) -> list[str]:
        """Return the cells of a table: level, check, message with the first places, and remedy."""
        places = f": {listed(self.where)}" if self.where else ""
        return [self.level, self.check, self.message + places, self.remedy]

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON values."""
        return asdict(self) | {"where": list(self.where), "count": len(self.where)}


@dataclass(frozen=True)
class Subject:
    """A subject is a manifest with all its faults, exactly as it is in the file.

    Attributes:
        frame: a row per utterance; ids may come twice; columns that are absent are null.
        absent: the columns that the file lacks.
        scheme: the classes.
        provenance: the origin of the rows.
        folder: the folder that paths are relative to.
        transcripts: the folder with the tables of transcripts.
        votes: a row per vote, or None.
    """

    frame: pd.DataFrame
    absent: tuple[str, ...]
    scheme: LabelScheme
    provenance: dict[str, object]
    folder: Path
    transcripts: Path
    votes: pd.DataFrame | None = None

    @classmethod
    def read(cls, path: Path, transcripts: Path) -> "Subject":
        """Read a manifest without refusing the faults that an audit should find.

        Raises:
            ManifestError: the file is missing, or it is not a manifest.
        """
        if not path.exists():
            raise ManifestError(
                f"{path}: no manifest here; make one with `medusa manifest import CORPUS PATH`"
            )
        remedy = "import the corpus again with --force"
        with foreign(ManifestError, lambda reason: f"{path}: not a manifest: {reason}; {remedy}"):
            return cls._of_table(pq.read_table(path), path.parent, transcripts)

    @classmethod
    def _of_table(cls, table: pa.Table, folder: Path, transcripts: Path) -> "Subject":
        metadata = table.schema.metadata or {}
        scheme = json.loads(metadata[b"medusa.scheme"])
        named = LabelScheme(scheme["name"], tuple(scheme["classes"]))
        numbers = (*NUMBERS, *named.columns, *ATTRIBUTES)
        columns = ["id", *TEXTS, *numbers]
        absent = tuple(name for name in columns if name not in table.column_names)
        frame = table.select([name for name in columns if name not in absent]).to_pandas()
        frame = frame.reindex(columns=columns)
        provenance = json.loads(metadata.get(b"medusa.provenance", b"{}"))
        votes = None
        if {"id", "votes"} <= set(table.column_names):
            votes = flatten_votes(table.column("votes"), table.column("id"))
        return cls(frame, absent, named, provenance, folder, transcripts, votes)

    def ids(self, where: "pd.Series[bool]") -> tuple[str, ...]:
        """Return the ids of some rows."""
        return tuple(self.frame["id"][where].fillna("(no id)").astype(str))

    @property
    def split_by(self) -> str:
        """The way in which the split was made, such as speaker; empty if there is no split."""
        split = self.provenance.get("split")
        return str(split.get("by", "")) if isinstance(split, dict) else ""

    @property
    def kept(self) -> str:
        """The corpus's own split that a later split kept; empty if there is none."""
        split = self.provenance.get("split")
        return str(split.get("kept", "")) if isinstance(split, dict) else ""
