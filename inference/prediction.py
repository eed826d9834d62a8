"""Recordings go through the encoders and the heads of a model."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medusa.extract.inputs import Segment, Sound, Utterance
from medusa.inference.audio_input import AudioInput
from medusa.inference.encoders import ModelEncoders
from medusa.inference.predictors import Predictor
from medusa.manifests.audio import content_of, digest_of

CHUNK = 1024  # So many utterances are sorted by length at a time, as in `medusa extract`.
AT_ONCE = 64  # utterances whose features are read at a time


@dataclass(frozen=True)
class Predicted:
    """The prediction for one utterance.

    Attributes:
        posteriors: (C,), in the order of the model's classes.
        attributes: (3,) arousal, valence and dominance, or None if the model predicts none.
        transcript: the text that the model read, None if it reads no text.
        flags: signs that something is unusual, such as `padded` or `no-speech`.
    """

    posteriors: npt.NDArray[np.float32]
    attributes: npt.NDArray[np.float32] | None
    transcript: str | None
    flags: tuple[str, ...]


class Prediction:
    """The utterances of a chunk wait here until their features are complete.

    Args:
        encoders: the encoders of a model.
        predictor: its heads.
    """

    def __init__(self, encoders: ModelEncoders, predictor: Predictor) -> None:
        self.encoders, self.predictor = encoders, predictor
        self.waiting: dict[str, Utterance] = {}
        self.results: dict[str, Predicted] = {}

    def run(self, utterances: Sequence[Utterance], given: dict[str, str]) -> list[str]:
        """Predict utterances; the results are in `results`, by content.

        Returns:
            One sentence for each utterance that could not be predicted.
        """
        problems: list[str] = []
        for start in range(0, len(utterances), CHUNK):
            chunk = utterances[start : start + CHUNK]
            self.waiting = {one.content: one for one in chunk}
            problems += self.encoders.run(chunk, given, self.predict_complete)
            self.encoders.drop(list(self.waiting))  # Some features of these could not be computed.
        self.encoders.close()
        return problems

    def predict_complete(self) -> None:
        """Predict the waiting utterances whose features are complete, and free their memory."""
        ready = [one for one in self.waiting.values() if self.encoders.has_all(one)]
        for start in range(0, len(ready), AT_ONCE):
            self._predict(ready[start : start + AT_ONCE])

    def _predict(self, ready: Sequence[Utterance]) -> None:
        complete = [one.content for one in self.encoders.encode_texts(ready)]
        if complete:
            predicted = self.predictor.predict(
                complete, lambda spec, array: self.encoders.read(complete, spec, array)
            )
            posteriors, attributes = predicted.posteriors(), predicted.attributes()
            for row, content in enumerate(complete):
                rated = None if attributes is None else attributes[row]
                text = self.encoders.text(content) if self.encoders.of_text else None
                flags = tuple(self.encoders.flags(content))
                self.results[content] = Predicted(posteriors[row], rated, text, flags)
        for one in ready:
            del self.waiting[one.content]
        self.encoders.drop([one.content for one in ready])


def utterances_of(recordings: Sequence[AudioInput], by_digest: bool) -> list[Utterance]:
    """Return recordings as utterances, in their order.

    Args:
        recordings: the recordings.
        by_digest: whether the contents are the digests by which a workspace keeps features. They
            cost a reading of every file. The digest of a clip is that of its samples.
    """
    digests: dict[Path, str] = {}
    utterances = []
    for number, one in enumerate(recordings):
        content = f"recording-{number}"
        is_file = isinstance(one.source, Segment)
        if by_digest and isinstance(one.source, Segment):
            path = one.source.path
            digests[path] = digests.get(path) or digest_of(path)
            content = content_of(digests[path], one.source.start_s, one.source.duration_s)
        elif by_digest and isinstance(one.source, Sound):
            sound = hashlib.sha256(f"{one.source.rate_hz} Hz".encode())
            sound.update(one.source.samples.tobytes())
            content = content_of(sound.hexdigest(), 0.0, one.end_s - one.start_s)
        seconds = one.end_s - one.start_s
        utterances.append(
            Utterance(one.path, content, one.source, seconds, one.language, by_digest and is_file)
        )
    return utterances
