"""A trained model in memory, which predicts recordings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd
import torch

from medusa.errors import DataError, plural
from medusa.inference.encoders import ModelEncoders, encoders_of
from medusa.inference.parts import ModelParts
from medusa.inference.prediction import Predicted, Prediction, utterances_of
from medusa.inference.predictors import predictor_of
from medusa.inference.recordings import AudioInput, clip_of, recordings_of
from medusa.inference.result_table import result_table
from medusa.workspace import Workspace

MAX_SHOWN = 50  # problems in one message


@dataclass(frozen=True)
class PredictionResult:
    """The recordings with their predictions, and a sentence for each one without a prediction."""

    rows: list[tuple[AudioInput, Predicted]]
    problems: list[str]

    def raise_problems(self) -> None:
        """Raise an error that names every recording without a prediction, if there are any.

        Raises:
            DataError: some recordings could not be predicted.
        """
        if not self.problems:
            return
        more = len(self.problems) - MAX_SHOWN
        lines = [*self.problems[:MAX_SHOWN], *([f"... and {more} more"] if more > 0 else [])]
        raise DataError(
            f"{plural(len(self.problems), 'recording has')} no prediction (the other "
            f"{len(self.rows)} have one):\n  " + "\n  ".join(lines)
        )


class Model:
    """A finished head or ensemble, with its frozen backbones.

    The backbones are read at the first prediction, and stay in memory.

    Args:
        parts: everything that the model needs.
        device: the device of the backbones and heads.
        places: the present places of backbones' weights; see `encoders_of`.
    """

    def __init__(
        self, parts: ModelParts, device: str = "cpu", places: Mapping[str, str] | None = None
    ) -> None:
        self.parts, self.device, self.places = parts, device, dict(places or {})
        specs = {one.spec.digest: one.spec for one in parts.features}
        self.predictor = predictor_of(parts.root, specs, torch.device(device))
        self.encoders: dict[bool, ModelEncoders] = {}

    @property
    def classes(self) -> tuple[str, ...]:
        """The C classes, in the order of the posteriors."""
        return self.parts.scheme.classes

    @property
    def card(self) -> dict[str, Any]:
        """Plain facts about the model: its members, its backbones, and its scores."""
        return self.parts.card

    def predict(
        self,
        paths: str | Path | Iterable[str | Path],
        *,
        classes: Sequence[str] | None = None,
        threshold: float | None = None,
        workspace: str | Path | None = None,
        allow_failures: bool = False,
    ) -> pd.DataFrame:
        """Predict recordings.

        Args:
            paths: files of sound, folders, or tables of recordings; see `recordings_of`.
            classes, threshold: the arguments of `result_table`.
            workspace: a folder that keeps the features and transcripts; by default nothing is kept.
            allow_failures: return even if some recordings could not be predicted.

        Returns:
            One row for each recording; see `result_table`.

        Raises:
            MedusaError: a setting is invalid; a backbone cannot be loaded; or (after all others
                were predicted) some recordings could not be predicted. The message names them.
        """
        inputs = [paths] if isinstance(paths, str | Path) else list(paths)
        table = result_table([], self.classes, classes, threshold)  # checks the two settings
        recordings, problems = recordings_of(inputs)
        result = self.predict_recordings(recordings, workspace)
        result = PredictionResult(result.rows, [*problems, *result.problems])
        if not allow_failures:
            result.raise_problems()
        table = result_table(result.rows, self.classes, classes, threshold)
        return table

    def predict_waveform(
        self,
        samples: npt.ArrayLike,
        rate_hz: int,
        *,
        classes: Sequence[str] | None = None,
        threshold: float | None = None,
    ) -> pd.DataFrame:
        """Predict a clip in memory.

        Args:
            samples: (S,), or (S, channels); nominally from -1 to 1.
            rate_hz: the rate of the samples.
            classes, threshold: the arguments of `result_table`.

        Returns:
            One row; see `result_table`. The path is empty.

        Raises:
            MedusaError: the clip is empty or not finite, or a backbone cannot be loaded.
        """
        result = self.predict_recordings([clip_of(samples, rate_hz)])
        result.raise_problems()
        return result_table(result.rows, self.classes, classes, threshold)

    def predict_recordings(
        self, recordings: Sequence[AudioInput], workspace: str | Path | None = None
    ) -> PredictionResult:
        """Predict recordings; those that cannot be predicted are in `problems`.

        Args:
            recordings: files, segments of files, or clips.
            workspace: a folder that keeps the features and transcripts.
        """
        if not recordings:
            return PredictionResult([], [])
        is_given = self.parts.text is not None and self.parts.text.is_given
        texts = [one.text if is_given else None for one in recordings]
        encoders = self._encoders(self.parts.text is not None and None in texts)
        if workspace is not None:
            Path(workspace).mkdir(parents=True, exist_ok=True)
            kept = Workspace.open(Path(workspace))
            encoders.keep_in(kept.features, kept.transcripts)
        else:
            encoders.keep_in(None, None)
        utterances = utterances_of(recordings, workspace is not None)
        given = {
            one.content: text
            for one, text in zip(utterances, texts, strict=True)
            if text is not None
        }
        prediction = Prediction(encoders, self.predictor)
        problems = prediction.run(utterances, given)
        found = prediction.results
        rows = [
            (recording, found[one.content])
            for recording, one in zip(recordings, utterances, strict=True)
            if one.content in found
        ]
        return PredictionResult(rows, problems)

    def _encoders(self, is_transcribed: bool) -> ModelEncoders:
        """Return the encoders, with or without Whisper's decoder; they are made one time."""
        if is_transcribed not in self.encoders:
            found = encoders_of(self.parts, self.device, self.places, is_transcribed)
            self.encoders[is_transcribed] = found
        return self.encoders[is_transcribed]
