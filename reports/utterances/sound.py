"""The waveform of a recording as a path of a picture, and its sound as an MP3 inside the page."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from medusa.errors import AudioError
from medusa.manifests.audio import decoding

COLUMNS, HEIGHT = 150, 24  # of the waveform, whose middle is at 0
RATE_HZ, LONGEST_S = 16_000, 30.0


def recording_of_row(
    row: "pd.Series[Any]", root: Path, with_audio: bool = False
) -> dict[str, str | None]:
    """Return the `waveform` of an utterance and, if asked for, its `audio` as an address.

    Args:
        row: a row of the manifest.
        root: the folder to which its path is relative.
        with_audio: whether the sound is encoded.

    Returns:
        Both values are None if there is no recording, or if it cannot be decoded. The first 30
        seconds of a longer utterance are used.
    """
    read = samples_of_row(row, root)
    if read is None:
        return {"waveform": None, "audio": None}
    samples, rate = read
    return {
        "waveform": waveform(samples),
        "audio": encoded(samples, rate) if with_audio else None,
    }


def samples_of_row(row: "pd.Series[Any]", root: Path) -> tuple[npt.NDArray[np.float32], int] | None:
    """Return the samples (S,) of an utterance and their rate in Hz, at most 30 seconds.

    Returns:
        None if there is no recording, or if it cannot be decoded.
    """
    if not isinstance(row["path"], str) or not (root / row["path"]).is_file():
        return None
    start, seconds = (0.0 if np.isnan(row[name]) else float(row[name]) for name in PLACES)
    try:
        with decoding(root / row["path"]) as file:
            rate = file.samplerate
            file.seek(round(start * rate))
            size = round(min(seconds or LONGEST_S, LONGEST_S) * rate)
            samples = file.read(max(size, 1), dtype="float32", always_2d=True).mean(axis=1)
    except AudioError:
        return None
    if not len(samples) or not np.isfinite(samples).all():
        return None
    return samples, rate


def waveform(samples: npt.NDArray[np.float32]) -> str:
    """Return the path of an area between the lowest and the highest sample of each column."""
    edges = np.linspace(0, len(samples), min(COLUMNS, len(samples)) + 1).astype(int)[:-1]
    loudest = max(float(np.abs(samples).max()), 1e-4)
    high = np.maximum.reduceat(samples, edges) / loudest * HEIGHT
    low = np.minimum.reduceat(samples, edges) / loudest * HEIGHT
    step = COLUMNS / len(edges)
    above = [f"{column * step:.0f},{-value:.0f}" for column, value in enumerate(high)]
    below = [f"{column * step:.0f},{-value:.0f}" for column, value in enumerate(low)]
    return f"M{' '.join([*above, *reversed(below)])}Z"


def encoded(samples: npt.NDArray[np.float32], rate: int) -> str:
    """Return mono samples (S,) as an MP3 at 16 kHz in a data address."""
    import soundfile
    import soxr

    sound = soxr.resample(samples, rate, RATE_HZ) if rate != RATE_HZ else samples
    out = io.BytesIO()
    soundfile.write(out, np.clip(sound, -1, 1), RATE_HZ, format="MP3")
    return f"data:audio/mpeg;base64,{base64.b64encode(out.getvalue()).decode()}"


PLACES = ("start_s", "duration_s")
