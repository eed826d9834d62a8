"""Features in which every speaker has mean 0 and deviation 1: `head.normalise_speakers`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from medusa.cache import Packed, Stream, load, open_places
from medusa.errors import DataError, listed, plural
from medusa.heads.examples.frames import average_frames

LEAST_DEVIATION = 1e-6  # A channel that varies less within a speaker is not divided.
AT_ONCE = 64


@dataclass(frozen=True)
class SpeakerScaling:
    """The statistics of S speakers, and the speaker of each of N utterances.

    Attributes:
        speakers: (N,) numbers from 0 to S - 1.
        statistics: for each of the M modalities the means and deviations (2, S, D) over all frames
            of a speaker, in which the layers of a sum lie side by side; None for a modality of
            text, which is left as it is.
    """

    speakers: npt.NDArray[np.int64]
    statistics: list[torch.Tensor | None]

    def apply(self, stream: int, packed: Packed, batch: npt.NDArray[np.int64]) -> Packed:
        """Subtract the mean and divide by the deviation of each utterance's speaker.

        Args:
            stream: the number of the modality.
            packed: its frames (F, D) of B utterances.
            batch: (B,) the numbers of the utterances.
        """
        statistics = self.statistics[stream]
        if statistics is None:
            return packed
        packed = packed.to("cpu", torch.float32)
        owners = torch.from_numpy(self.speakers[batch])[packed.owners]
        mean, deviation = statistics[:, owners]
        return packed.like((packed.values - mean) / deviation)


def scaling_by_speaker(
    streams: Sequence[Stream],
    frames_averaged: Sequence[int],
    ids: Sequence[str],
    speakers: npt.NDArray[np.str_],
) -> SpeakerScaling:
    """Return the statistics of all speakers.

    Args:
        streams: the M modalities of N utterances.
        frames_averaged: (M,) the number of frames that are averaged into one.
        ids: (N,) for messages.
        speakers: (N,) the names of the speakers, empty where unknown.

    Raises:
        DataError: the speaker of an utterance is unknown.
    """
    unknown = [one for one, name in zip(ids, speakers, strict=True) if not name]
    if unknown:
        raise DataError(
            "head.normalise_speakers: expected a speaker for every utterance, found "
            f"{plural(len(unknown), 'utterance')} without one ({listed(unknown)}); fill the column "
            "`speaker` of the manifest, or set head.normalise_speakers=false"
        )
    numbers = np.unique(speakers, return_inverse=True)[1]
    statistics = [
        _statistics(
            stream.store.places, stream.array, _contents(stream), numbers.tobytes(), averaged
        )
        if stream.store.spec.input == "audio"
        else None
        for stream, averaged in zip(streams, frames_averaged, strict=True)
    ]
    return SpeakerScaling(numbers, statistics)


def _contents(stream: Stream) -> str:
    """Return the contents of a stream's utterances; the rows of a store opened later may differ."""
    contents: list[str] = (
        stream.store.index.table["content"].take(pa.array(stream.rows)).to_pylist()
    )
    return " ".join(contents)


@lru_cache(maxsize=16)  # All folds of a cross-validation share the statistics.
def _statistics(
    places: tuple[Path, ...], array: str, contents: str, speakers: bytes, averaged: int
) -> torch.Tensor:
    """Return the means and deviations (2, S, D) of the frames of the S speakers of a store."""
    stream = Stream.of(open_places(places), contents.split(), array)
    owners = np.frombuffer(speakers, np.int64)
    count, width = int(owners.max()) + 1, stream.store.spec.width * stream.layers
    counts = torch.zeros(count, 1, dtype=torch.float64)
    sums, squares = torch.zeros(2, count, width, dtype=torch.float64)
    everything = np.arange(len(owners))
    batches = [everything[start : start + AT_ONCE] for start in range(0, len(owners), AT_ONCE)]
    for batch, (packed,) in zip(batches, load([stream], batches), strict=True):
        frames = average_frames(packed, averaged)
        values, whose = frames.values.double(), torch.from_numpy(owners[batch])[frames.owners]
        counts.index_add_(0, whose, torch.ones(len(values), 1, dtype=torch.float64))
        sums.index_add_(0, whose, values)
        squares.index_add_(0, whose, values.square())
    mean = sums / counts
    deviation = (squares / counts - mean.square()).clamp_min(0).sqrt()
    deviation[deviation < LEAST_DEVIATION] = 1.0
    return torch.stack([mean, deviation]).float()
