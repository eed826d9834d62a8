"""The operations of encoding a corpus, and the hours that a device needs for them."""

import time
from dataclasses import dataclass
from functools import cache

from medusa.errors import MedusaError, nearest
from medusa.extract.planning.estimate import CorpusSize, Estimate
from medusa.extract.planning.jobs import ExtractionJob

EXTRACT_MFU = 0.40  # the share of the device's peak that we assume
WHISPER_RATE = 50.0  # frames per second; Whisper's encoder always reads whole windows


@dataclass(frozen=True)
class DeviceProfile:
    """A device: its dense operations per second in the precision of training, and its memory."""

    flop_s: float
    memory_gb: float


PROFILES = {
    "rtx3090": DeviceProfile(71e12, 24),
    "rtx4090": DeviceProfile(165e12, 24),
    "a100": DeviceProfile(312e12, 80),
    "h100": DeviceProfile(989e12, 80),
}


def extract_hours(one: Estimate, corpus: CorpusSize, profile: DeviceProfile) -> float:
    """Return the hours of an extraction on one device."""
    return extract_flop(one, corpus) / (profile.flop_s * EXTRACT_MFU) / 3600


def extract_flop(one: Estimate, corpus: CorpusSize) -> float:
    """Return the operations of encoding a corpus: two per weight and token, and the attention."""
    spec = one.spec
    deepest = max(max(spec.layers), 1)
    a_token = 24 * deepest * spec.width**2  # A layer has 12 D^2 weights.
    seconds = corpus.all_s
    window_s: float | None = spec.preprocessing.get("window_s")
    if window_s:
        tokens, length = whisper_frames(corpus, window_s), window_s * WHISPER_RATE
    else:
        tokens = float(one.frames * spec.preprocessing.get("pool", 1))
        length = tokens / max(1, corpus.count)
    attention = 4 * deepest * spec.width * length
    return tokens * (a_token + attention) + one.backbone.front_flop_s * seconds


def utterance_flop(job: ExtractionJob, frames: int, seconds: float) -> float:
    """Return the operations of encoding one utterance; those of signal features are not known.

    Args:
        job: the encoder and its features.
        frames: the stored frames.
        seconds: the length of the recording.
    """
    if not job.backbone.n_layers:
        return 0.0
    return extract_flop(Estimate(job.backbone, job.spec, frames, {}, []), CorpusSize([seconds]))


def whisper_frames(corpus: CorpusSize, window_s: float) -> float:
    """Return the frames that Whisper's encoder reads, with the silence that fills the windows."""
    windows = sum(-(-max(length, 1e-3) // window_s) for length in corpus.seconds)
    return windows * window_s * WHISPER_RATE * corpus.each


def measured() -> DeviceProfile:
    """Measure this machine for a second: a large matrix product in the precision of training."""
    import torch

    cuda = torch.cuda.is_available()
    half = cuda and torch.cuda.is_bf16_supported()
    speed = product_flop_s("cuda" if cuda else "cpu", "bf16" if half else "fp32", 1.0)
    return DeviceProfile(speed, torch.cuda.mem_get_info()[1] / 1e9 if cuda else 0.0)


@cache
def product_flop_s(device: str, precision: str, for_s: float = 0.2) -> float:
    """Return the operations per second of a large matrix product; it is measured only once.

    Args:
        device: the device.
        precision: `fp32`, `bf16` or `fp16`.
        for_s: the seconds of the measurement.
    """
    import torch

    size = 1024 if device == "cpu" else 8192
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    a = torch.randn(size, size, device=device, dtype=kind)
    best, until = 0.0, time.monotonic() + for_s
    while time.monotonic() < until:
        began = time.perf_counter()
        (a @ a)[0, 0].item()  # This waits for a GPU.
        best = max(best, 2 * size**3 / (time.perf_counter() - began))
    return best


def profile_of(name: str) -> DeviceProfile:
    """Return the profile of a device by its name, or measure this machine for `here`.

    Raises:
        MedusaError: there is no such profile.
    """
    if name == "here":
        return measured()
    if name not in PROFILES:
        known = ["here", *PROFILES]
        raise MedusaError(f"--profile {name!r}{nearest(name, known)}: one of {', '.join(known)}")
    return PROFILES[name]
