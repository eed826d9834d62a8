"""The encoders and the heads of a model in memory, from recordings to predictions."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from medusa.inference.audio_input import AudioInput
from medusa.inference.encoders import ModelEncoders, encoders_of
from medusa.inference.parts import ModelParts
from medusa.inference.prediction import Predicted, Prediction, utterances_of
from medusa.inference.predictors import predictor_of
from medusa.workspace import Workspace


class Pipeline:
    """The networks of a model. The backbones are read at the first prediction, and stay in memory.

    Args:
        parts: everything that the model needs.
        device: the device of the backbones and heads.
        places: the present places of backbones' weights; see `encoders_of`.
    """

    def __init__(self, parts: ModelParts, device: str, places: Mapping[str, str]) -> None:
        self.parts, self.device, self.places = parts, device, places
        specs = {one.spec.digest: one.spec for one in parts.features}
        self.predictor = predictor_of(parts.root, specs, torch.device(device))
        self.encoders: dict[bool, ModelEncoders] = {}

    def predict(
        self, recordings: Sequence[AudioInput], workspace: str | Path | None
    ) -> tuple[dict[int, Predicted], list[str]]:
        """Return the predictions by the number of the recording, and the problems of the others.

        Args:
            recordings: utterances of at most 10 minutes.
            workspace: a folder that keeps the features and transcripts; None keeps nothing.
        """
        is_given = self.parts.text is not None and self.parts.text.is_given
        texts = [one.text if is_given else None for one in recordings]
        encoders = self._encoders(self.parts.text is not None and None in texts)
        encoders.keep_in(*_folders(workspace))
        utterances = utterances_of(recordings, workspace is not None)
        pairs = zip(utterances, texts, strict=True)
        given = {one.content: text for one, text in pairs if text is not None}
        prediction = Prediction(encoders, self.predictor)
        problems = prediction.run(utterances, given)
        found = prediction.results
        numbered = enumerate(one.content for one in utterances)
        return {n: found[content] for n, content in numbered if content in found}, problems

    def _encoders(self, is_transcribed: bool) -> ModelEncoders:
        """Return the encoders, with or without Whisper's decoder; they are made once."""
        if is_transcribed not in self.encoders:
            found = encoders_of(self.parts, self.device, self.places, is_transcribed)
            self.encoders[is_transcribed] = found
        return self.encoders[is_transcribed]


def _folders(workspace: str | Path | None) -> tuple[Path | None, Path | None]:
    """Return the folders of features and of transcripts, or twice None to keep nothing."""
    if workspace is None:
        return None, None
    Path(workspace).mkdir(parents=True, exist_ok=True)
    kept = Workspace.open(Path(workspace))
    return kept.features, kept.transcripts
