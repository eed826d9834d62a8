"""Windows of a fixed length, and the mean of the windows that overlap."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from medusa.inference.audio_input import AudioInput
from medusa.inference.prediction import Predicted


def window_times(duration_s: float, window_s: float, hop_s: float) -> list[tuple[float, float]]:
    """Return start and end of the windows of a recording, in seconds from its start.

    The last window ends with the recording. A shorter recording is one window.
    """
    last = max(duration_s - window_s, 0.0)
    starts = [number * hop_s for number in range(int(np.ceil(last / hop_s - 1e-9)))]
    return [(start, min(start + window_s, duration_s)) for start in (*starts, last)]


def averaged(
    whole: AudioInput, rows: Sequence[tuple[AudioInput, Predicted]], hop_s: float
) -> list[tuple[AudioInput, Predicted]]:
    """Return one row for each hop of a recording: the mean of the windows that contain it.

    A window that contains a part of the hop has the weight of this part.

    Args:
        whole: the recording.
        rows: its windows that were predicted, with their predictions.
        hop_s: the seconds of a hop; the last hop may be shorter.
    """
    starts = np.array([one.start_s for one, _ in rows])
    ends = np.array([one.end_s for one, _ in rows])
    results = []
    count = max(1, int(np.ceil((whole.end_s - whole.start_s) / hop_s - 1e-9)))
    for number in range(count):
        start = whole.start_s + number * hop_s
        end = min(start + hop_s, whole.end_s)
        shared = np.minimum(ends, end) - np.maximum(starts, start)
        inside = [int(row) for row in np.flatnonzero(shared > 1e-9)]
        if inside:
            mean = _mean([rows[row][1] for row in inside], shared[inside])
            results.append((whole.piece(start, end), mean))
    return results


def _mean(parts: Sequence[Predicted], weights: npt.NDArray[np.float64]) -> Predicted:
    """Return the weighted mean of predictions, and the text of the one with the most weight."""
    posteriors = np.average([one.posteriors for one in parts], axis=0, weights=weights)
    rated = [one.attributes for one in parts if one.attributes is not None]
    attributes = np.average(rated, axis=0, weights=weights) if rated else None
    flags = tuple(dict.fromkeys(flag for one in parts for flag in one.flags))
    return Predicted(posteriors, attributes, parts[int(weights.argmax())].transcript, flags)
