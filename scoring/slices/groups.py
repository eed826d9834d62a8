"""The groups that an utterance belongs to: by speaker, gender, language, duration and others."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.scoring.metrics import Floats
from medusa.scoring.truth import Truth

PARTS = 3  # Durations and numbers of words are divided into this many parts of equal size.
Groups = Mapping[str, Sequence[str | None]]


def groups_of(
    rows: pd.DataFrame,
    truth: Truth,
    transcripts: pd.DataFrame | None = None,
    snr: Sequence[float | None] | None = None,
) -> dict[str, list[str | None]]:
    """Return the group of every utterance in each respect; None if it is unknown.

    Args:
        rows: the B rows of the manifest.
        truth: their truth, with the speakers and the raters' shares.
        transcripts: the rows of a table of transcripts for the same utterances, or None. Its texts
            are counted in place of the manifest's own.
        snr: (B,) the signal-to-noise ratios in dB, or None.

    Returns:
        The respects in which there are at least two groups. `ASR flags` has a respect for each
        flag, because an utterance can have several: `flagged` or `not flagged`.
    """
    texts = rows["text"] if transcripts is None else transcripts["text"]
    ratios = [None] * len(rows) if snr is None else snr
    words = texts.map(lambda text: float(len(text.split())), na_action="ignore")
    found: dict[str, list[str | None]] = {
        "speaker": truth.speakers,
        "gender": _names(rows["gender"]),
        "language": _names(rows["language"]),
        "duration": _parts(rows["duration_s"].to_numpy(np.float64), "{:.2f} – {:.2f} s"),
        "rater agreement": _agreement(truth.soft),
        "words": _parts(np.asarray(words, np.float64), "{:.0f} – {:.0f} words"),
        "signal-to-noise ratio": _parts(np.array(ratios, np.float64), "{:.0f} – {:.0f} dB"),
        **_flags(transcripts),
    }
    return {name: one for name, one in found.items() if len({*one} - {None}) > 1}


def _names(column: "pd.Series[str]") -> list[str | None]:
    return [name if isinstance(name, str) else None for name in column]


def _parts(values: Floats, form: str) -> list[str | None]:
    """Name the part of each value; equal values are in one part."""
    known = values[~np.isnan(values)]
    if not len(known):
        return [None] * len(values)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, PARTS + 1)[1:-1], method="lower"))
    part = np.searchsorted(edges, values)
    names = {}
    for number in np.unique(part[~np.isnan(values)]):
        inside = values[part == number]
        names[number] = form.format(np.nanmin(inside), np.nanmax(inside))
    return [None if np.isnan(x) else names[n] for x, n in zip(values, part, strict=True)]


def _agreement(soft: npt.NDArray[np.floating]) -> list[str | None]:
    """Name the share of the raters who chose the most frequent class.

    There are no names if all raters agree everywhere, because then the labels may be hard.
    """
    most = soft.max(1)
    names = np.select(
        [np.isnan(most), most > 1 - 1e-6, most > 2 / 3 - 1e-6],
        ["", "all raters agree", "at least 2/3 agree"],
        "less than 2/3 agree",
    )
    return [str(name) or None for name in names]


def _flags(transcripts: pd.DataFrame | None) -> dict[str, list[str | None]]:
    if transcripts is None:
        return {}
    each = [
        {*flags} if isinstance(flags, list | np.ndarray) else None for flags in transcripts["flags"]
    ]
    names = sorted({name for flags in each if flags for name in flags})
    return {
        f"ASR flag {name}": [
            None if flags is None else "flagged" if name in flags else "not flagged"
            for flags in each
        ]
        for name in names
    }
