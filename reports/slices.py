"""The slices of a run: groups of the manifest and of its transcripts, judged one by one."""

from pathlib import Path
from typing import Any

import pandas as pd

from medusa.errors import DataError
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.manifests.texts import MANIFEST, read_transcripts, sources
from medusa.scoring import truth_of
from medusa.scoring.slices.groups import groups_of
from medusa.scoring.slices.slice_scores import slice_scores


def run_slices(
    run: RunDir, manifest: Manifest, split: str, transcripts: Path | None = None
) -> dict[str, Any]:
    """Judge the groups of a split.

    Args:
        run: a finished head or stack.
        manifest: the manifest on which it was trained.
        split: the split to judge on.
        transcripts: the folder with the tables of transcripts, if there is one.

    Returns:
        The values of `slice_scores`.
    """
    predictions = run.predictions().split(split)
    splits = predictions.frame["split"].tolist()
    truth = truth_of(manifest, predictions.ids, splits, predictions.classes)
    rows = manifest.frame.set_index("id", drop=False).loc[predictions.ids]
    rows, judged = rows[truth.labelled], truth.rows(truth.labelled)
    table = transcript_rows(run, list(rows["id"]), transcripts)
    predicted = predictions.logits().argmax(1)[truth.labelled]
    return slice_scores(judged, predicted, groups_of(rows, judged, table), len(predictions.classes))


def transcript_rows(run: RunDir, ids: list[str], transcripts: Path | None) -> pd.DataFrame | None:
    """Return the rows of the transcripts that the run reads, or of the only table; else None."""
    if transcripts is None or not transcripts.is_dir():
        return None
    names, own = sources(transcripts), run.config().get("text")
    name = own if own in names else names[0] if len(names) == 1 and own != MANIFEST else None
    if name is None:
        return None
    try:
        table = read_transcripts(transcripts / f"{name}.parquet")
    except DataError:  # `medusa manifest audit` reports damaged tables.
        return None
    return table.set_index("id", drop=False).reindex(ids)
