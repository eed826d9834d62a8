"""The ways to transcribe of transcribe.py: ours, openai-whisper's, transformers', faster-whisper's.

Each function of `MAKERS` loads its model and returns a function. That function prepares a few clips
of one corpus, and returns the work to be timed, which returns their texts.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

LANGUAGES = {"ravdess": "en", "emodb": "de"}
BATCH = 8  # of transformers' pipeline

Transcribe = Callable[[], list[str]]


@dataclass(frozen=True)
class Clip:
    """A recording, its corpus, and the sentence that was read."""

    id: str
    path: str
    corpus: str
    text: str


@dataclass(frozen=True)
class Setting:
    """The weights and the device of a way."""

    folder: Path
    file: Path
    device: str
    threads: int
    tokens: int | None

    @property
    def half(self) -> bool:
        return self.device.startswith("cuda")

    @property
    def further(self) -> dict[str, Any]:
        """Random weights give no usable times, and their likelihoods ask for further attempts."""
        return {"temperature": 0.0, "without_timestamps": True} if self.tokens else {}


def ours(setting: Setting, precision: str = "auto") -> Callable[[list[Clip]], Transcribe]:
    """Return the way of `medusa transcribe`."""
    from medusa.extract.checkpoints import whisper_files
    from medusa.extract.inputs import audio_utterances
    from medusa.extract.passes.run_pass import run_pass
    from medusa.extract.transcription.transcript_worker import TranscriptWorker
    from medusa.extract.transcription.transcription_options import TranscriptionOptions
    from medusa.manifests import Manifest

    manifest = Manifest.read(setting.folder / "manifest.parquet")
    utterances = {one.id: one for one in audio_utterances(manifest)}
    model = whisper_files.read_model(str(setting.file), setting.device)

    def prepare(clips: list[Clip]) -> Transcribe:
        language = LANGUAGES[clips[0].corpus]
        options = TranscriptionOptions(
            language=language, max_tokens=setting.tokens, precision=precision
        )
        some = [utterances[clip.id] for clip in clips]
        tables = tempfile.mkdtemp(dir=setting.folder)
        worker = TranscriptWorker(str(setting.file), options, some, Path(tables))
        worker.reader = worker.transcriber(model, setting.device)

        def transcribe() -> list[str]:
            run_pass([worker], setting.device)
            return [worker.sink.table.rows[one.content]["text"] for one in some]

        return transcribe

    return prepare


def openai(setting: Setting, **more: Any) -> Callable[[list[Clip]], Transcribe]:
    """Return the way of openai-whisper."""
    import whisper

    model = whisper.load_model(str(setting.file), device=setting.device)
    more |= setting.further | {"fp16": setting.half, "sample_len": setting.tokens}

    def transcribe(clips: list[Clip]) -> list[str]:
        language = LANGUAGES[clips[0].corpus]
        return [
            model.transcribe(one, language=language, **more)["text"].strip() for one in read(clips)
        ]

    return lambda clips: partial(transcribe, clips)


def transformers(setting: Setting) -> Callable[[list[Clip]], Transcribe]:
    """Return the way of transformers' pipeline."""
    import torch
    from transformers import pipeline

    recognise = pipeline(
        "automatic-speech-recognition",
        model=str(setting.folder / "transformers"),
        device=setting.device,
        dtype=torch.float16 if setting.half else torch.float32,
        batch_size=BATCH,
    )

    def transcribe(clips: list[Clip]) -> list[str]:
        generate = {"language": LANGUAGES[clips[0].corpus], "task": "transcribe"}
        generate |= {"max_new_tokens": setting.tokens} if setting.tokens else {}
        inputs = [{"raw": one, "sampling_rate": 16000} for one in read(clips)]
        return [one["text"].strip() for one in recognise(inputs, generate_kwargs=generate)]

    return lambda clips: partial(transcribe, clips)


def faster(setting: Setting, numbers: str) -> Callable[[list[Clip]], Transcribe]:
    """Return the way of faster-whisper."""
    from faster_whisper import WhisperModel

    on_gpu = {"float32": "float16", "int8": "int8_float16"}
    model = WhisperModel(
        str(setting.folder / "ctranslate2"),
        device=setting.device.split(":")[0],
        compute_type=on_gpu[numbers] if setting.half else numbers,
        cpu_threads=setting.threads,
    )
    more = setting.further | {"max_new_tokens": setting.tokens, "beam_size": 1}

    def text(samples: np.ndarray[Any, Any], language: str) -> str:
        segments, _ = model.transcribe(samples, language=language, **more)
        return "".join(one.text for one in segments).strip()

    def transcribe(clips: list[Clip]) -> list[str]:
        return [text(one, LANGUAGES[clips[0].corpus]) for one in read(clips)]

    return lambda clips: partial(transcribe, clips)


MAKERS: dict[str, Callable[[Setting], Callable[[list[Clip]], Transcribe]]] = {
    "ours": ours,
    "ours_bf16": partial(ours, precision="bf16"),
    "openai": openai,
    "openai_command": partial(openai, beam_size=5, best_of=5),
    "transformers": transformers,
    "faster_float32": partial(faster, numbers="float32"),
    "faster_int8": partial(faster, numbers="int8"),
}


def read(clips: Sequence[Clip]) -> list[Any]:
    """Return the samples at 16 kHz."""
    from ways import read_16_khz

    return [read_16_khz(Path(clip.path)) for clip in clips]
