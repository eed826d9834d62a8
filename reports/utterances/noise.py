"""An estimate of the signal-to-noise ratio of a recording."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.console import progress
from medusa.reports.utterances.sound import samples_of_row

FRAME_S, HOP_S = 0.025, 0.010
SPEECH, NOISE = 95, 10  # percentiles of the frames' energies
QUIETEST = 1e-10  # the energy of a frame without any sound


def snr_db(samples: npt.NDArray[np.float32], rate_hz: int) -> float | None:
    """Return the ratio of the 95th to the 10th percentile of the energies of frames, in dB.

    The loudest frames are those of speech with noise, and the quietest those of pauses. Speech
    without a pause has no such frames of noise, so its ratio is too low. The frames have 25 ms,
    every 10 ms.

    Returns:
        None for a recording that is shorter than ten frames.
    """
    size, step = round(FRAME_S * rate_hz), round(HOP_S * rate_hz)
    if len(samples) < size + 9 * step:
        return None
    squares = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    starts = np.arange(0, len(samples) - size + 1, step)
    energies = (squares[starts + size] - squares[starts]) / size
    loud, quiet = np.percentile(np.maximum(energies, QUIETEST), [SPEECH, NOISE])
    return float(10 * np.log10(loud / quiet))


def snr_of_rows(rows: pd.DataFrame, root: Path) -> list[float | None]:
    """Return the ratio of each row of a manifest in dB, None without a readable recording."""
    found: list[float | None] = []
    with progress("signal-to-noise ratio", len(rows), "recording") as advance:
        for _, row in rows.iterrows():
            read = samples_of_row(row, root)
            found.append(None if read is None else snr_db(*read))
            advance(1)
    return found
