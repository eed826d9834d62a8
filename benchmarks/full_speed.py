"""The share of a device's speed that an extraction uses, and its time at full speed."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from medusa.extract.encoders.runner import EncoderRunner, default_batch_seconds
from medusa.extract.passes.plan import plan_batches
from medusa.extract.passes.stream import read_source
from medusa.extract.planning.jobs import ExtractionJob
from medusa.extract.planning.operations import product_flop_s

SIDE = 2048  # the side of the largest matrix product


def utilisation(job: ExtractionJob, device: str) -> dict[str, float]:
    """Return the operations per second of one real batch, and their share of the peak."""
    encoder = job.load(device)
    runner = EncoderRunner(encoder, job.backbone, job.spec.reduce, device)
    encode = runner.features
    batch_seconds = default_batch_seconds(device, job.backbone.least_s)
    batch = next(plan_batches(job.utterances, batch_seconds, job.backbone.least_s))
    items = [encoder.prepare(read_source(utterance, job.backbone.rate_hz)) for utterance in batch]
    encode(items)  # the first call warms up, and checks half precision
    # The counter does not know the fused attention of CPUs.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        encode(items)

    def encode_batch() -> None:
        encode(items)
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)

    encode_batch()
    speed = counter.get_total_flops() / min(timed(encode_batch) for _ in range(3))
    peak_flop_s = product_flop_s(device, runner.precision, 1.0)
    return {"tflop_per_s": speed / 1e12, "mfu": speed / peak_flop_s}


def least_s(job: ExtractionJob, device: str) -> float:
    """Return the least seconds for all clips, if only the operations took time, at full speed.

    The encoder pads every clip to the same length. Its products run at the speed of the largest
    float32 product of the device, and after them the exponentials of attention run at theirs.
    """
    encoder, clip = job.load(device), job.utterances[:1]
    items = [encoder.prepare(read_source(utterance, job.backbone.rate_hz)) for utterance in clip]
    counter = FlopCounterMode(display=False)
    with sdpa_kernel(SDPBackend.MATH), counter, Exponentials() as exponentials:
        encoder.encode(items)
    square = torch.randn(SIDE, SIDE, device=device)
    product_s = _fastest(lambda: square @ square) / (2 * SIDE**3)
    some = square[: SIDE // 16]  # this part fits into the cache of a processor
    room = torch.empty_like(some)
    exponential_s = _fastest(lambda: torch.exp(some, out=room)) / some.numel()
    clip_s = counter.get_total_flops() * product_s + exponentials.count * exponential_s
    return clip_s * len(job.utterances)


class Exponentials(TorchDispatchMode):
    """Counts the exponentials of all attentions that are computed inside the block."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if "softmax" in str(func):
            self.count += output.numel()
        return output


def _fastest(work: Callable[[], Tensor]) -> float:
    """Return the seconds of the fastest of thirty runs, each until its result is there."""
    return min(timed(lambda: work().flatten()[0].item()) for _ in range(30))


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
