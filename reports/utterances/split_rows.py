"""The utterances of one split that a run predicts, with everything that is known about them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.errors import DataError
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.manifests.texts import MANIFEST, sources, transcripts_of
from medusa.scoring import Truth, truth_of, vote_counts


@dataclass(frozen=True)
class SplitRows:
    """B utterances.

    Attributes:
        rows: their rows of the manifest.
        truth: their truth.
        posteriors: (B, C).
        votes: (B, C) the number of votes for each class, or None without votes.
        transcripts: the rows of the table of transcripts that the run reads, or None.
        classes: the names of the C classes.
        root: the folder of the manifest, to which the paths of recordings are relative.
    """

    rows: pd.DataFrame
    truth: Truth
    posteriors: npt.NDArray[np.float64]
    votes: npt.NDArray[np.int64] | None
    transcripts: pd.DataFrame | None
    classes: tuple[str, ...]
    root: Path

    @property
    def texts(self) -> list[str]:
        """The text of each utterance: its transcript, or the corpus's own text, or nothing."""
        table = self.rows if self.transcripts is None else self.transcripts
        return [text if isinstance(text, str) else "" for text in table["text"]]


def split_rows(
    run: RunDir, manifest: Manifest, split: str, transcripts: Path | None = None
) -> SplitRows:
    """Collect the utterances of a split.

    Args:
        run: a finished head or stack.
        manifest: the manifest on which it was trained.
        split: the split.
        transcripts: the folder with the tables of transcripts, if there is one.

    Raises:
        RunError: the run is not finished or does not predict the split, or the manifest has changed
            since.
    """
    predictions = run.predictions().split(split)
    splits = predictions.frame["split"].tolist()
    return SplitRows(
        rows=manifest.frame.set_index("id", drop=False).loc[predictions.ids],
        truth=truth_of(manifest, predictions.ids, splits, predictions.classes),
        posteriors=predictions.posteriors().astype(np.float64),
        votes=vote_counts(manifest, predictions.ids),
        transcripts=_transcripts(run, manifest, predictions.ids, transcripts),
        classes=predictions.classes,
        root=manifest.root,
    )


def _transcripts(
    run: RunDir, manifest: Manifest, ids: list[str], folder: Path | None
) -> pd.DataFrame | None:
    """Return the rows of the transcripts that the run reads, or of the only table, or None."""
    if folder is None or not folder.is_dir():
        return None
    names, own = sources(folder), run.config().get("text")
    name = own if own in names else names[0] if len(names) == 1 and own != MANIFEST else None
    if name is None:
        return None
    try:
        return transcripts_of(manifest, folder, name).loc[ids]
    except DataError:  # `medusa manifest audit` reports damaged tables.
        return None
