"""The result of a prediction: rows, and the recordings that could not be predicted."""

from collections.abc import Sequence
from dataclasses import dataclass

from medusa.errors import DataError, plural
from medusa.inference.audio_input import AudioInput
from medusa.inference.prediction import Predicted

MAX_SHOWN = 50  # problems in one message


@dataclass(frozen=True)
class PredictionResult:
    """The recordings with their predictions, and a sentence for each one without a prediction."""

    rows: list[tuple[AudioInput, Predicted]]
    problems: list[str]

    def with_problems(self, problems: Sequence[str]) -> "PredictionResult":
        """Return the result with problems that were found before."""
        return PredictionResult(self.rows, list(dict.fromkeys([*problems, *self.problems])))

    def summary(self, recordings: int, model: str) -> str:
        """Return a sentence on the amount that was predicted."""
        rows, count = len(self.rows), plural(recordings, "recording")
        of = f" of {count}" if rows != recordings else ""
        return f"{model}: {plural(rows, 'utterance')}{of} predicted"

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
