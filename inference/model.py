"""A trained model in memory, which predicts recordings."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy.typing as npt
import pandas as pd

from medusa.inference.audio_input import AudioInput, clip_of
from medusa.inference.cutting.cut import cut_recordings, joined
from medusa.inference.cutting.options import CutOptions
from medusa.inference.parts import ModelParts
from medusa.inference.pipeline import Pipeline
from medusa.inference.prediction_result import PredictionResult
from medusa.inference.recordings import recordings_of
from medusa.inference.result_table import result_table


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
        self.parts, self.pipeline = parts, Pipeline(parts, device, dict(places or {}))

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
        cut: CutOptions | None = None,
        allow_failures: bool = False,
    ) -> pd.DataFrame:
        """Predict recordings.

        Args:
            paths: files of sound, folders, or tables of recordings; see `recordings_of`.
            classes, threshold: the arguments of `result_table`.
            workspace: a folder that keeps the features and transcripts; by default nothing is kept.
            cut: how long recordings are cut into utterances; by default, they stay whole.
            allow_failures: return even if some recordings could not be predicted.

        Returns:
            One row for each utterance; see `result_table`.

        Raises:
            MedusaError: a setting is invalid; a backbone cannot be loaded; or (after all others
                were predicted) some recordings could not be predicted. The message names them.
        """
        inputs = [paths] if isinstance(paths, str | Path) else list(paths)
        result_table([], self.classes, classes, threshold)  # Mistakes are found before the work.
        with TemporaryDirectory() as scratch:
            recordings, problems = recordings_of(inputs, Path(scratch))
            result = self.predict_recordings(recordings, workspace, cut).with_problems(problems)
        if not allow_failures:
            result.raise_problems()
        return result_table(result.rows, self.classes, classes, threshold)

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
        self,
        recordings: Sequence[AudioInput],
        workspace: str | Path | None = None,
        cut: CutOptions | None = None,
    ) -> PredictionResult:
        """Predict recordings; those that cannot be predicted are in `problems`.

        Args:
            recordings: files, segments of files, or clips.
            workspace: a folder that keeps the features and transcripts.
            cut: how long recordings are cut into utterances.
        """
        cut = cut or CutOptions()
        pieces, problems = cut_recordings(recordings, cut)
        parts = [part for _, own in pieces for part in own]
        found, failed = self.pipeline.predict(parts, workspace) if parts else ({}, [])
        return PredictionResult(joined(pieces, found, cut), [*problems, *failed])
