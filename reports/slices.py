"""The slices of a run: groups of the manifest and of its transcripts, judged one by one."""

from typing import Any

from medusa.reports.utterances.noise import snr_of_rows
from medusa.reports.utterances.split_rows import SplitRows
from medusa.scoring.slices.groups import groups_of
from medusa.scoring.slices.slice_scores import slice_scores


def run_slices(split: SplitRows, with_snr: bool = False) -> dict[str, Any]:
    """Judge the groups of the labelled utterances of a split; see `slice_scores`.

    Args:
        split: the utterances.
        with_snr: also judge groups by signal-to-noise ratio, for which every recording is read.
    """
    labelled = split.truth.labelled
    rows, judged = split.rows[labelled], split.truth.rows(labelled)
    table = None if split.transcripts is None else split.transcripts[labelled]
    predicted = split.posteriors.argmax(1)[labelled]
    snr = snr_of_rows(rows, split.root) if with_snr else None
    groups = groups_of(rows, judged, table, snr)
    return slice_scores(judged, predicted, groups, len(split.classes))
