"""Whisper in bfloat16, which openai-whisper lacks: it computes in float32 or float16.

A CPU with matrix units for bfloat16 (AMX) multiplies matrices in it several times faster than in
float32. Linear layers, convolutions and embeddings are converted; the norms stay in float32.
"""

from typing import Any

import torch
from torch import Tensor, nn

CONVERTED = (nn.Linear, nn.Conv1d, nn.Embedding)


def to_bfloat16(model: Any) -> Any:
    """Convert the weights of an openai-whisper model, and return the model."""
    for module in model.modules():
        if isinstance(module, CONVERTED):
            module.to(torch.bfloat16)
    return model


@torch.inference_mode()
def encode_bfloat16(model: Any, mels: Tensor) -> Tensor:
    """Return the encoder's outputs (W, T, D) from spectrograms (W, mels, mel frames)."""
    states: Tensor = model.encoder(mels.bfloat16())
    return states


def decode_bfloat16(model: Any, states: Tensor, options: Any) -> list[Any]:
    """Decode the encoder's outputs (W, T, D), as `model.decode` does in other precisions."""
    from whisper.decoding import DecodingTask

    task = DecodingTask(model, options)
    task._get_audio_features = lambda encoded: encoded  # the original refuses bfloat16
    results: list[Any] = task.run(states)
    return results
