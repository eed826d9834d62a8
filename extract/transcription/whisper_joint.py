"""Whisper once: one pass through its encoder gives the features and the transcript."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from medusa.cache import StoreWriter
from medusa.console import progress
from medusa.errors import MedusaError
from medusa.extract.backbones.whisper import (
    RATE_HZ,
    WhisperEncoder,
    Windows,
    frames_of,
    states,
)
from medusa.extract.checkpoints import whisper_files
from medusa.extract.encoders.devices import batch_seconds
from medusa.extract.encoders.encoder import Backbone, Encoded
from medusa.extract.encoders.offload import Encode, to_host
from medusa.extract.encoders.precision import lowered
from medusa.extract.encoders.variants import pool_of
from medusa.extract.inputs.batches import Utterance, batches
from medusa.extract.passes.single_pass import Outcome, provenance, store
from medusa.extract.passes.stream import sentence, stream
from medusa.extract.planning.estimate import check_room
from medusa.extract.planning.jobs import Job
from medusa.extract.transcription.decoder import (
    TranscribeError,
    Transcriber,
    Transcript,
    in_language,
    language_code,
    spoken,
)
from medusa.extract.transcription.table import Table
from medusa.extract.transcription.transcribe import WRITE_EVERY_S, Heard
from medusa.workspace import remove

MEND = "move it away, or leave --transcribe out and run `medusa transcribe --name NAME`"


@dataclass(frozen=True)
class Both:
    """What one pass gives for an utterance."""

    encoded: Encoded
    transcript: Transcript | MedusaError


class Listener:
    """openai-whisper's encoder, once, for its features and for its decoder.

    Args:
        job: of the backbone `whisper`.
        device: of the model.
        language, max_tokens: as `Transcriber` takes them.
    """

    def __init__(self, job: Job, device: str, language: str | None, max_tokens: int | None) -> None:
        self.model = whisper_files.read_model(job.backbone.source, device)
        self.device = device
        self.scribe = Transcriber(self.model, language, max_tokens, device)
        self.last: list[torch.Tensor] = []  # for the decoder, which wants what leaves the encoder
        self.encoder = WhisperEncoder(self._states, job.backbone, job.spec.layers, device)
        self.features = lowered(self.encoder.encode, job.backbone, device)

    def prepare(self, source: Any) -> Windows:
        return self.encoder.prepare(source)

    def _states(
        self, mel: torch.Tensor, layers: Sequence[int], frames: int | None
    ) -> Sequence[torch.Tensor]:
        encoder = self.model.encoder
        *found, last = states(encoder, mel, (*layers, len(encoder.blocks)))
        self.last.append(last)
        return [one[:, :frames] for one in found]

    def encode(self, items: Sequence[Windows], features: Encode) -> list[Both]:
        self.last.clear()
        encoded = features(items)  # may encode the first item twice, to check half precision
        with torch.inference_mode():
            said = self.scribe.decode(self.last[0].float(), items)
        return [Both(one, text) for one, text in zip(encoded, said, strict=True)]


def require_decoder(backbone: Backbone) -> None:
    """Raise if a backbone cannot transcribe.

    Raises:
        TranscribeError: it is not openai-whisper's.
    """
    if backbone.family != "whisper":
        raise TranscribeError(
            f"--transcribe: {backbone.name} has no decoder of openai-whisper; "
            "run `medusa transcribe` by itself"
        )


def _require_whole_windows(backbone: Backbone, file: whisper_files.WhisperFile) -> None:
    if frames_of(backbone) < whisper_files.read_dims(file.path)["n_audio_ctx"]:
        raise TranscribeError(
            "--transcribe: the decoder wants the whole window; leave --window-s out, or run "
            "`medusa transcribe` by itself"
        )


def extract_and_transcribe(
    job: Job,
    folder: Path,
    device: str,
    budget_s: float | None,
    non_finite: str = "refuse",
    language: str | None = None,
    max_tokens: int | None = None,
    force: bool = False,
) -> tuple[Outcome, Heard]:
    """Fill a feature store and a table of transcripts, for what either of them lacks.

    Args:
        job: of the backbone `whisper`.
        folder: of the tables of transcripts.
        device, non_finite: as `extract` takes them.
        budget_s: as `transcribe` takes it.
        language, max_tokens: as `transcribe` takes them.
        force: throw the stored features away, once nothing speaks against computing them anew.

    Raises:
        MedusaError: as `extract` and `transcribe` do.
    """
    require_decoder(job.backbone)
    file = whisper_files.find(job.backbone.source)
    _require_whole_windows(job.backbone, file)
    heard = Heard(folder / f"{file.name}.parquet")
    language = language_code(language)
    options = {"language": language, "max_tokens": max_tokens}
    options |= dict.fromkeys(("prompt", "beam", "doubtful", "words"))
    made_by = {"checkpoint": file.checkpoint, "revision": file.revision}
    table = Table(heard.table, made_by | options, mend=MEND)
    spoken(whisper_files.is_multilingual(file.path), language)
    if force:
        remove(job.store)
    outcome = Outcome()
    made = provenance(device, job.backbone.source)
    with StoreWriter(job.store, job.spec, made, non_finite) as writer:
        wanted = {one.content: one for one in job.utterances}
        absent = set(writer.missing(wanted))
        todo = [one for key, one in wanted.items() if key in absent or key not in table.rows]
        if todo:
            check_room((job, [one for one in todo if one.content in absent]))
            listener = Listener(job, device, language, max_tokens)
            done = len(wanted) - len(todo)
            try:
                with progress(job.spec.backbone, len(wanted), done=done) as advance:
                    least_s = job.backbone.least_s
                    plan = batches(todo, budget_s or batch_seconds(device, least_s), least_s)
                    kept = (writer, absent, table)
                    _fill(job, kept, listener, plan, outcome, heard, advance)
            finally:
                table.write(job.utterances)
        else:
            table.write(job.utterances)  # ids may be new where the audio is not
    outcome.clock()
    return outcome, heard


def _fill(
    job: Job,
    kept: tuple[StoreWriter, set[str], Table],
    listener: Listener,
    plan: Any,
    outcome: Outcome,
    heard: Heard,
    advance: Any,
) -> None:
    outcome.clock()
    written = time.monotonic()
    features = to_host(
        listener.features, job.spec.reduce, listener.device, outcome.busy, pool_of(job.backbone)
    )
    for answers in stream(
        plan,
        listener.prepare,
        lambda items: listener.encode(items, features),
        RATE_HZ,
        attach=in_language,
    ):
        for utterance, both in answers:
            _keep(*kept, utterance, both, outcome, heard)
        outcome.clock()
        heard.elapsed_s = outcome.elapsed_s
        advance(len(answers), f"{heard.seconds / max(heard.elapsed_s, 1e-9):.0f}x real time")
        if time.monotonic() - written > WRITE_EVERY_S:
            kept[2].write(job.utterances)
            written = time.monotonic()


def _keep(
    writer: StoreWriter,
    absent: set[str],
    table: Table,
    utterance: Utterance,
    both: Both | MedusaError,
    outcome: Outcome,
    heard: Heard,
) -> None:
    if isinstance(both, MedusaError):
        outcome.problems.append(sentence(utterance, both))
        return
    if utterance.content in absent and (problem := store(writer, utterance, both.encoded, outcome)):
        outcome.problems.append(sentence(utterance, problem))
    if isinstance(both.transcript, MedusaError):
        heard.problems.append(sentence(utterance, both.transcript))
        return
    table.add(utterance.content, both.transcript)
    heard.utterances += 1
    heard.seconds += utterance.seconds
    heard.flags.update(both.transcript.flags)
