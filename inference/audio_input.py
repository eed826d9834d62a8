"""One utterance to predict: a file, a segment of a file, or a clip in memory."""

from dataclasses import dataclass

from medusa.errors import AudioError
from medusa.extract.inputs import Segment, Sound


@dataclass(frozen=True)
class AudioInput:
    """One utterance to predict: a whole file, a segment of a file, or a clip in memory.

    Attributes:
        path: the name in the results.
        source: the segment, or the clip.
        start_s, end_s: its times in the file.
        text: its text, None if it is unknown.
        language: its language, if a table names it.
    """

    path: str
    source: Segment | Sound
    start_s: float
    end_s: float
    text: str | None = None
    language: str | None = None

    def piece(self, start_s: float, end_s: float) -> "AudioInput":
        """Return a part of this recording; its text is unknown unless it is the whole."""
        text = self.text if (start_s, end_s) == (self.start_s, self.end_s) else None
        source = self.source
        part: Segment | Sound
        if isinstance(source, Segment):
            part = Segment(source.path, start_s, end_s - start_s)
        else:
            first, last = (round((one - self.start_s) * source.rate_hz) for one in (start_s, end_s))
            part = Sound(source.samples[first:last], source.rate_hz, source.name)
        return AudioInput(self.path, part, start_s, end_s, text, self.language)


def clip_of(samples: object, rate_hz: int) -> AudioInput:
    """Return samples (S,) or (S, channels) as a recording.

    Raises:
        AudioError: the clip is empty, or the rate is not positive.
    """
    import numpy as np

    wave = np.asarray(samples, np.float32)
    if not wave.size or rate_hz <= 0:
        raise AudioError(
            f"expected samples (S,) or (S, channels) and a positive rate, found shape {wave.shape} "
            f"at {rate_hz} Hz"
        )
    return AudioInput("", Sound(wave, rate_hz), 0.0, len(wave) / rate_hz)
