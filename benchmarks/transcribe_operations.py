"""The operations of Whisper on short clips: where they go, and how fast they could be at most.

    python benchmarks/transcribe_operations.py FILE FOLDER --json FILE

FILE is a model of openai-whisper, FOLDER has recordings. The operations of the encoder on its
window of 30 s, of the decoder's view of the window, and of each token are counted in a real run.
openai-whisper then transcribes a few clips, one after the other, by `transcribe`.

openai_s: the processor's seconds of one clip, of which a share is spent in the encoder.
at_most: how many times faster any program could be that does the same products at the speed of the
largest product of this processor, and nothing else. It is given for float32 and for bfloat16.
own_window: the share of the window that the speech fills.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import whisper
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from ways import read_16_khz

from medusa.heads.runs.environment import environment

SIDE, TIMES = 2048, 10


def count(work: Callable[[], Any]) -> int:
    """Return the operations of the matrix products in some work."""
    # The counter does not know the fused attention of CPUs.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def counted(model: Any) -> dict[str, float]:
    """Return the operations of one window, of one token, and of the view of the window."""
    dims = model.dims
    mel = torch.zeros(1, dims.n_mels, 2 * dims.n_audio_ctx)
    states = model.encoder(mel)
    one, two = (torch.zeros(1, number, dtype=torch.long) for number in (1, 2))
    first, second = (count(lambda t=t: model.decoder(t, states)) for t in (one, two))
    return {
        "encoder": count(lambda: model.encoder(mel)),
        "token": second - first,
        "view": first - (second - first),
    }


def product_s(dtype: torch.dtype) -> float:
    """Return the processor's seconds of one operation in the largest product."""
    square = torch.randn(SIDE, SIDE, dtype=dtype)
    square @ square
    began = time.process_time()
    for _ in range(TIMES):
        square @ square
    return (time.process_time() - began) / TIMES / (2 * SIDE**3)


def timed_clips(model: Any, files: list[Path], language: str) -> dict[str, float]:
    """Transcribe clips with openai-whisper; return means over the clips."""
    clips, tokens, inside = [read_16_khz(path) for path in files], 0, 0.0
    encode = model.encoder.forward

    def forward(mel: torch.Tensor) -> torch.Tensor:
        nonlocal inside
        began = time.process_time()
        states: torch.Tensor = encode(mel)
        inside += time.process_time() - began
        return states

    model.encoder.forward = forward
    model.transcribe(clips[0], language=language, fp16=False)
    inside, began = 0.0, time.process_time()
    for clip in clips:
        found = model.transcribe(clip, language=language, fp16=False)
        tokens += sum(len(one["tokens"]) for one in found["segments"])
    seconds = time.process_time() - began
    return {
        "clip_s": sum(map(len, clips)) / 16000 / len(clips),
        "tokens": tokens / len(clips),
        "openai_s": seconds / len(clips),
        "encoder_share": inside / seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--language", default="en")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = whisper.load_model(str(options.file), device="cpu").float().eval()
    files = sorted(one for one in options.folder.rglob("*") if one.suffix in (".flac", ".wav"))
    with torch.inference_mode():
        flop = counted(model)
        clips = timed_clips(model, files[:: max(1, len(files) // options.clips)], options.language)
        speeds = {name: product_s(getattr(torch, name)) for name in ("float32", "bfloat16")}
    total = flop["encoder"] + flop["view"] + clips["tokens"] * flop["token"]
    result = {
        "gigaflop": {name: value / 1e9 for name, value in flop.items()},
        "clips": clips,
        "encoder_of_all": flop["encoder"] / total,
        "own_window": clips["clip_s"] / 30,
        "gigaflop_per_s": {name: 1e-9 / value for name, value in speeds.items()},
        "at_most": {name: clips["openai_s"] / (total * value) for name, value in speeds.items()},
        "load": os.getloadavg()[0],
        "environment": environment(),
    }
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
