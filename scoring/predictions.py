"""The predictions of a head or an ensemble: the table that the rooms exchange."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from medusa.errors import RunError, listed
from medusa.foreign import foreign
from medusa.manifests import ATTRIBUTES
from medusa.parquet import read_parquet, write_parquet

NOT_A_FOLD = -1


@dataclass
class Predictions:
    """Logits and attributes by utterance id, one row per utterance.

    Attributes:
        frame: it has the columns `id`, `split`, `fold` (-1 outside folds), `logit_<class>`,
            `arousal`, `valence` and `dominance`. Attributes that the run does not predict are null.
        classes: the order of the logits.
        run: the digest of the run that made the predictions.
    """

    frame: pd.DataFrame
    classes: tuple[str, ...]
    run: str

    @classmethod
    def of(
        cls,
        ids: Sequence[str],
        splits: Sequence[str],
        logits: npt.NDArray[np.floating],
        attributes: npt.NDArray[np.floating] | None,
        classes: Sequence[str],
        run: str,
        fold: int = NOT_A_FOLD,
    ) -> "Predictions":
        """Build the table from arrays: logits (B, C), and attributes (B, 3) or None."""
        values = {f"logit_{name}": logits[:, column] for column, name in enumerate(classes)}
        for column, name in enumerate(ATTRIBUTES):
            unknown = np.full(len(ids), np.nan)
            values[name] = unknown if attributes is None else attributes[:, column]
        known = {"id": list(ids), "split": list(splits), "fold": fold}
        # All columns are given at once, because pandas is slow to add a single one.
        columns = known | {name: one.astype(np.float32) for name, one in values.items()}
        return cls(pd.DataFrame(columns), tuple(classes), run)

    def select(self, ids: Sequence[str]) -> "Predictions":
        """Return the rows of these ids, in the same order.

        Raises:
            RunError: some ids have no prediction.
        """
        rows = self.frame.set_index("id", drop=False)
        absent = [name for name in ids if name not in rows.index]
        if absent:
            raise RunError(
                f"run {self.run} has no prediction for {listed(absent)}; train it again on the "
                "present manifest"
            )
        return Predictions(rows.loc[list(ids)].reset_index(drop=True), self.classes, self.run)

    def split(self, name: str) -> "Predictions":
        """Return the rows of one split.

        Raises:
            RunError: there are none.
        """
        frame = self.frame[self.frame["split"] == name].reset_index(drop=True)
        if not len(frame):
            present = listed(self.frame["split"].unique())
            raise RunError(
                f"the run predicts no split {name!r}, only {present}; choose one with --split"
            )
        return Predictions(frame, self.classes, self.run)

    @property
    def ids(self) -> list[str]:
        return self.frame["id"].tolist()

    def logits(self) -> npt.NDArray[np.float32]:
        """Return the logits (B, C), in class order."""
        return self.frame[[f"logit_{name}" for name in self.classes]].to_numpy(np.float32)

    def posteriors(self) -> npt.NDArray[np.float32]:
        """Return the softmax of the logits, (B, C)."""
        from scipy.special import softmax

        posteriors: npt.NDArray[np.float32] = softmax(self.logits(), axis=1)
        return posteriors

    def attributes(self) -> npt.NDArray[np.float32] | None:
        """Return arousal, valence and dominance (B, 3), from 1 to 7, or None if not predicted."""
        values = self.frame[list(ATTRIBUTES)].to_numpy(np.float32)
        return None if np.isnan(values).all() else values

    def write(self, path: Path) -> None:
        """Write a Parquet file, as a whole or not at all."""
        table = pa.Table.from_pandas(self.frame, preserve_index=False)
        about = {"medusa.classes": json.dumps(self.classes), "medusa.run": self.run}
        write_parquet(path, table, about, compression="snappy")

    @classmethod
    def read(cls, path: Path) -> "Predictions":
        """Read a file of `write`.

        Raises:
            RunError: the file is missing, or `write` did not write it.
        """
        if not path.exists():
            raise RunError(
                f"{path}: expected predictions, found no file; make the run again with --force"
            )
        sentence = f"{path}: expected a file of predictions, which this is not"
        remedy = "make the run again with --force"
        with foreign(RunError, lambda reason: f"{sentence} ({reason}); {remedy}"):
            table = read_parquet(path)
            metadata = table.schema.metadata or {}
            classes = tuple(json.loads(metadata[b"medusa.classes"]))
            logits = [(f"logit_{name}", pa.float32()) for name in classes]
            numbers = [("fold", pa.int64()), *((name, pa.float32()) for name in ATTRIBUTES)]
            names = [("id", pa.string()), ("split", pa.string())]
            schema = pa.schema([*names, *numbers[:1], *logits, *numbers[1:]])
            frame = table.replace_schema_metadata(None).select(schema.names).cast(schema)
            return cls(frame.to_pandas(), classes, metadata[b"medusa.run"].decode())
