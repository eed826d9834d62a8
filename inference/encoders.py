"""All frozen encoders of a model: each is loaded once and runs once per recording."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from medusa.cache import Packed
from medusa.extract.inputs import Utterance
from medusa.extract.passes.run_pass import run_pass
from medusa.extract.passes.worker import Outcome
from medusa.extract.transcription.transcript_worker import TranscriptWorker
from medusa.inference.encoder_workers import BufferedEncoder, buffered_encoders, has_decoder
from medusa.inference.parts import ModelParts
from medusa.inference.whisper_texts import WhisperTexts
from medusa.manifests.texts import content_of

AT_ONCE = 64  # texts in one call of a text encoder


class ModelEncoders:
    """The encoders of a model, and the features of the utterances that wait for the heads.

    Args:
        encoders: one encoder for each feature.
        texts: the transcripts to make, or None if every utterance has a text or needs none.
        device: the device of the encoders.
    """

    def __init__(
        self, encoders: Sequence[BufferedEncoder], texts: WhisperTexts | None, device: str
    ) -> None:
        self.encoders, self.texts, self.device = encoders, texts, device
        self.of_audio = [one for one in encoders if one.worker.rate_hz is not None]
        self.of_text = [one for one in encoders if one.worker.rate_hz is None]
        self.by_digest = {one.buffer.spec.digest: one for one in encoders}
        self.given: dict[str, str] = {}
        self.decoder: TranscriptWorker | None = None
        if texts is not None and not has_decoder(encoders):
            self.decoder = texts.worker()

    def keep_in(self, features: Path | None, transcripts: Path | None) -> None:
        """Keep the next features and transcripts in these folders, or in memory alone."""
        for one in self.encoders:
            one.keep_in(features)
        if self.texts is not None:
            self.texts.keep_in(transcripts)

    def run(
        self,
        utterances: Sequence[Utterance],
        given: dict[str, str],
        after_batch: Callable[[], None],
    ) -> list[str]:
        """Encode and transcribe utterances; encoders of one rate share one pass over the audio.

        Args:
            utterances: the utterances, which all have audio.
            given: the known texts by content.
            after_batch: it is called after each batch, when more features are in memory.

        Returns:
            One sentence for each utterance that an encoder could not read.
        """
        self.given = given
        self._begin(utterances)
        workers: list[Any] = [one.worker for one in self.of_audio]
        workers += [self.decoder] if self.decoder is not None else []
        passes: dict[int, list[Any]] = {}
        for worker in workers:
            passes.setdefault(worker.rate_hz, []).append(worker)
        for group in passes.values():
            run_pass(group, self.device, after_batch=after_batch)
        after_batch()
        return self._problems()

    def _begin(self, utterances: Sequence[Utterance]) -> None:
        """Set the utterances of the next pass, and begin all counts anew."""
        for one in self.encoders:
            one.worker.utterances, one.worker.outcome = utterances, Outcome()
        if self.texts is not None:
            self.texts.sink.utterances, self.texts.sink.outcome = utterances, Outcome()
            if self.decoder is not None:
                self.decoder.utterances = utterances
                self.decoder.outcome = self.texts.sink.outcome

    def _problems(self) -> list[str]:
        outcomes = [one.worker.outcome for one in self.encoders]
        outcomes += [self.texts.sink.outcome] if self.texts is not None else []
        return list(dict.fromkeys(problem for one in outcomes for problem in one.problems))

    def has_all(self, utterance: Utterance) -> bool:
        """Return whether all features of the audio, and the text, are in memory."""
        content = utterance.content
        return self._has_text(content) and all(content in one.buffer for one in self.of_audio)

    def _has_text(self, content: str) -> bool:
        return self.texts is None or content in self.given or content in self.texts

    def text(self, content: str) -> str:
        """Return the text of an utterance: the given text, or its transcript."""
        if content in self.given or self.texts is None:
            return self.given.get(content, "")
        return str(self.texts.row(content)["text"])

    def flags(self, content: str) -> list[str]:
        """Return the flags of an utterance's transcript and features, each once."""
        flags = [flag for one in self.of_audio for flag in one.buffer.flags_of(content)]
        if self.texts is not None and content not in self.given:
            flags += self.texts.row(content)["flags"]
        return list(dict.fromkeys(map(str, flags)))

    def encode_texts(self, utterances: Sequence[Utterance]) -> list[Utterance]:
        """Encode the texts of utterances; return the utterances whose text has features."""
        texts = {content_of(text): text for text in map(self.text, _contents(utterances))}
        for one in self.of_text:
            if missing := one.buffer.missing(texts):
                one.worker.open()
                one.worker.load(self.device)
            for start in range(0, len(missing), AT_ONCE):
                _encode(one, [(name, texts[name]) for name in missing[start : start + AT_ONCE]])
        return [
            utterance
            for utterance in utterances
            if all(content_of(self.text(utterance.content)) in one.buffer for one in self.of_text)
        ]

    def read(self, contents: Sequence[str], spec: str, array: str) -> Packed:
        """Return the frames of utterances, packed, from the array of a feature."""
        one = self.by_digest[spec]
        if one.worker.rate_hz is None:
            contents = [content_of(self.text(content)) for content in contents]
        return Packed.of([one.buffer.read(content, array) for content in contents])

    def drop(self, contents: Sequence[str]) -> None:
        """Free the memory of utterances that were predicted."""
        known = [content for content in contents if self._has_text(content)]
        texts = [content_of(self.text(content)) for content in known] if self.of_text else []
        for one in self.encoders:
            one.buffer.drop(contents if one.worker.rate_hz is not None else texts)
        if self.texts is not None:
            self.texts.drop(contents)

    def close(self) -> None:
        """Commit the kept features of texts; each pass commits those of audio."""
        for one in self.of_text:
            one.buffer.close()


def encoders_of(
    parts: ModelParts, device: str, places: Mapping[str, str], is_transcribed: bool
) -> ModelEncoders:
    """Return the encoders of a model; their weights are read in the first pass.

    Args:
        parts: the model.
        device: the device of the encoders.
        places: the present places of weights, by the name of the backbone. The place of the Whisper
            model that transcribes has the name `transcriber`.
        is_transcribed: whether to transcribe the recordings.

    Raises:
        MedusaError: weights cannot be found, or are not those of the training.
    """
    texts = WhisperTexts(parts, places.get("transcriber", "")) if is_transcribed else None
    return ModelEncoders(buffered_encoders(parts, device, places, texts), texts, device)


def _contents(utterances: Sequence[Utterance]) -> list[str]:
    return [one.content for one in utterances]


def _encode(encoder: BufferedEncoder, texts: Sequence[tuple[str, str]]) -> None:
    """Encode texts, each with its content, into the buffer of an encoder."""
    worker = encoder.worker
    utterances = [Utterance(name, name, text, 0.0) for name, text in texts]
    items = [worker.prepare(one, str(one.source)) for one in utterances]
    for utterance, encoded in zip(utterances, worker.encode(items), strict=True):
        if problem := worker.keep(utterance, encoded):
            worker.outcome.problems.append(utterance.failure(problem))
