"""Other ways to compute the features of `medusa extract`: the published code, openai-whisper."""

from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import soundfile
import soxr
import torch
from torch import Tensor

from medusa.extract.checkpoints.hugging_face import quiet
from medusa.extract.planning.jobs import ExtractionJob

TEXT = ("roberta", "modernbert")


class Published:
    """The model and its pre-processing in transformers, used as the published code uses them."""

    def __init__(self, name: str, path: Path, device: str) -> None:
        from transformers import AutoFeatureExtractor, AutoModel, AutoTokenizer

        self.name, self.device = name, device
        with quiet():
            if name == "whisper":
                self.model, self.reader = checkpoints.whisper_for_transformers(path)
            else:
                eager = {"attn_implementation": "eager"} if name == "wavlm" else {}
                self.model = AutoModel.from_pretrained(path, **eager)
                reader: Any = AutoTokenizer if name in TEXT else AutoFeatureExtractor
                self.reader = reader.from_pretrained(path)
        self.model.to(device).eval()

    @torch.inference_mode()
    def __call__(self, sources: list[Any]) -> Tensor:
        """Return the stored features: the sum of the last four states, or Whisper's last state."""
        if self.name in TEXT:
            inputs = self.reader(sources, return_tensors="pt", padding=True)
            inputs.pop("token_type_ids", None)
        elif self.name == "whisper":
            inputs = self.reader(sources, sampling_rate=16000, return_tensors="pt")
        else:
            inputs = self.reader(
                sources,
                sampling_rate=16000,
                return_tensors="pt",
                padding=True,
                return_attention_mask=True,
            )
        output = self.model(**inputs.to(self.device), output_hidden_states=True)
        if self.name == "whisper":
            return output.last_hidden_state.cpu()
        return torch.stack(output.hidden_states[-4:]).sum(0).cpu()


class OpenAI:
    """Whisper in the package of its authors; the name is ignored."""

    def __init__(self, name: str, path: Path, device: str) -> None:
        import whisper

        self.model = whisper.load_model(str(path), device=device).float().eval()

    @torch.inference_mode()
    def __call__(self, sources: list[Any]) -> Tensor:
        """Return the last state."""
        import whisper

        mels = [
            whisper.log_mel_spectrogram(whisper.pad_or_trim(one), self.model.dims.n_mels)
            for one in sources
        ]
        states: Tensor = self.model.encoder(torch.stack(mels).to(self.model.device))
        return states.cpu()


def published(job: ExtractionJob, model: Published | OpenAI, folder: Path, batch: int) -> None:
    """Encode every utterance and write its padded features as .npy files."""
    for first in range(0, len(job.utterances), batch):
        some = job.utterances[first : first + batch]
        sources = [
            one.source if isinstance(one.source, str) else read_16_khz(one.source.path)
            for one in some
        ]
        for one, values in zip(some, model(sources), strict=True):
            np.save(folder / f"{one.id}.npy", values.numpy())


def read_16_khz(path: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return a file's samples at 16 kHz."""
    samples, rate = soundfile.read(path, dtype="float32")
    return samples if rate == 16000 else soxr.resample(samples, rate, 16000)
