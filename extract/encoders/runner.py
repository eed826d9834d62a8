"""The steps around one call of an encoder.

Around them are the choice of the device and of the precision, the time, and the halving of a batch
that does not fit into memory.
"""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from threading import Lock
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from medusa.console import say
from medusa.device import choose_device
from medusa.errors import DeviceError, MedusaError, nearest
from medusa.extract.encoders.encoder import (
    Backbone,
    BackboneEncoder,
    Encoded,
    average_frames,
    reduced,
)
from medusa.extract.encoders.variants import frames_averaged
from medusa.extract.inputs.utterances import Utterance

Result = TypeVar("Result")
Prepared = Sequence[tuple[Utterance, Any]]
TIMER_LOCK = Lock()  # all timers share it, because a timer with a lock cannot be sent to a process
PRECISIONS: dict[str, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
MAX_DIFFERENCE = 0.05  # root mean square against float32, in standard deviations of the features
BATCH_SECONDS = {"cuda": 400.0, "mps": 100.0, "cpu": 40.0}
WINDOWS = 2  # the fewest windows in a batch: two in one call are less work than two calls


class EncoderRunner:
    """Turn prepared items into features that are ready to be stored.

    `features` encodes the items in the backbone's precision, reduces the layers and averages the
    frames in float32 on the device, and copies the result to the CPU. The first call also
    compares half precision with float32.

    Args:
        encoder: the backbone with its weights.
        backbone: its facts, with the precision and the number of averaged frames.
        reduce: how several layers become one, as in `FeatureSpec`.
        device: the device of the weights.

    Attributes:
        timer: the time for which the model ran.
    """

    def __init__(
        self, encoder: BackboneEncoder, backbone: Backbone, reduce: str, device: str
    ) -> None:
        self.encoder, self.reduce, self.device = encoder, reduce, device
        self.precision = str(backbone.preprocessing.get("precision", "fp32"))
        self.average_by = frames_averaged(backbone)
        self.timer = ComputeTimer(device)
        self.checked = self.precision == "fp32"

    def features(self, items: Sequence[Any]) -> list[Encoded]:
        """Return finished features (K, T, D) float32 on the CPU, in the order of the items.

        On a GPU, the copies may be unfinished: call `ready` of an `Encoded` before its use.

        Raises:
            MedusaError: in the first call, if half precision changes the features too much.
        """
        started = self.timer.start()
        finished = [
            replace(one, values=self._copied(self.finish(one.values)))
            for one in self.run_encoder(items)
        ]
        ready = self.timer.stop(started)
        return [replace(one, ready=ready) for one in finished]

    def run_encoder(self, items: Sequence[Any]) -> list[Encoded]:
        """Return the features (K, T, D) of all kept layers, on the device."""
        with autocast(self.precision, self.device):
            encoded = self.encoder.encode(items)
        if not self.checked:
            (exact,) = self.encoder.encode(items[:1])
            check_half_precision(encoded[0].values, exact.values, self.precision)
            self.checked = True
        return encoded

    def finish(self, values: Tensor) -> Tensor:
        """Reduce the layers of (K, T, D) and average the frames; both happen in float32."""
        return average_frames(reduced(values.float(), self.reduce), self.average_by)

    def _copied(self, values: Tensor) -> Tensor:
        """Copy values to the CPU; from a GPU, the copy runs in the background."""
        if not self.device.startswith("cuda"):
            return values.cpu()
        pinned = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        return pinned.copy_(values, non_blocking=True)


class BatchSplitter(Generic[Result]):
    """Halve a batch when memory runs out, and keep later batches that small.

    Args:
        encode: turns prepared items into as many results.

    Attributes:
        limit_seconds: the padded length above which a batch is halved before it is tried.
    """

    def __init__(self, encode: Callable[[Sequence[Any]], Sequence[Result]]) -> None:
        self.encode = encode
        self.limit_seconds = math.inf

    def __call__(self, batch: Prepared) -> list[tuple[Utterance, Result | MedusaError]]:
        """Return each utterance with its result, or with the error that explains its absence."""
        if len(batch) > 1 and padded_s(batch) > self.limit_seconds:
            return self._halves(batch)
        try:
            results = self.encode([item for _, item in batch])
        except RuntimeError as problem:
            if not out_of_memory(problem):
                raise
        else:
            return [(one, result) for (one, _), result in zip(batch, results, strict=True)]
        # This comes after the except block, because a live traceback would keep the memory.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(batch) == 1:
            return [(batch[0][0], _too_long(batch[0][0]))]
        self._shrink(batch)
        return self._halves(batch)

    def _halves(self, batch: Prepared) -> list[tuple[Utterance, Result | MedusaError]]:
        """Encode both halves of a batch, one after the other."""
        middle = (len(batch) + 1) // 2
        return [*self(batch[:middle]), *self(batch[middle:])]

    def _shrink(self, batch: Prepared) -> None:
        """Lower the limit to half of this batch, and report it."""
        self.limit_seconds = padded_s(batch) / 2
        longest = max((one for one, _ in batch), key=lambda one: one.seconds)
        say(
            f"{len(batch)} utterances do not fit into memory; the longest is {longest.label} with "
            f"{longest.seconds:.1f} s; the work goes on with "
            f"batch_seconds={self.limit_seconds:.0f}"
        )


def padded_s(batch: Prepared) -> float:
    """Return the padded seconds of a batch: its utterances times the longest of them."""
    return len(batch) * max((one.seconds for one, _ in batch), default=0.0)


def _too_long(one: Utterance) -> DeviceError:
    """Return the error for an utterance that does not fit into memory by itself."""
    return DeviceError(
        f"this utterance alone ({one.seconds:.1f} s) does not fit into memory; use a device with "
        "more memory, or cut it into shorter rows (start_s, duration_s)"
    )


def out_of_memory(problem: BaseException | None) -> bool:
    """Return whether an error means that a device, or the machine, had no memory left."""
    return isinstance(problem, torch.OutOfMemoryError) or "allocate memory" in str(problem)


class ComputeTimer:
    """Add up the seconds from `start` to `stop`, also of several batches at the same time.

    Attributes:
        concurrent: the number of batches that may run at the same time; each counts for its share.
    """

    def __init__(self, device: str = "cpu", known_s: float = 0.0) -> None:
        self.cuda, self.known_s = device.startswith("cuda"), known_s
        self.concurrent = 1
        self.events: list[tuple[Any, Any]] = []

    @property
    def seconds(self) -> float:
        """The seconds so far; on a GPU, only batches that have ended count."""
        ended = [pair for pair in self.events if pair[1].query()]
        self.known_s += sum(start.elapsed_time(end) / 1000 for start, end in ended)
        self.events = [pair for pair in self.events if pair not in ended]
        return self.known_s

    def start(self) -> Any:
        """Begin a batch; the value returned is the argument of `stop`."""
        return _event() if self.cuda else time.perf_counter()

    def stop(self, started: Any) -> Callable[[], None]:
        """End a batch; the function returned waits until a GPU has finished it."""
        if self.cuda:
            end = _event()
            self.events.append((started, end))
            wait: Callable[[], None] = end.synchronize
            return wait
        with TIMER_LOCK:
            self.known_s += (time.perf_counter() - started) / self.concurrent
        return lambda: None


def _event() -> Any:
    """Record an event of the GPU's clock."""
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    event.record()
    return event


def pick_precision(name: str, device: str) -> str:
    """Return the precision to use; `auto` is bf16 on a GPU that supports it, else fp32."""
    if name != "auto":
        return name
    cuda = device.startswith("cuda") and torch.cuda.is_bf16_supported()
    return "bf16" if cuda else "fp32"


def autocast(precision: str, device: str) -> AbstractContextManager[Any]:
    """Return the context in which matrix products are computed in a precision."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.split(":")[0], PRECISIONS[precision])


def relative_difference(values: Tensor, exact: Tensor) -> float:
    """Return the root mean square of the difference, in standard deviations of the exact values."""
    gap = (values.float() - exact.float()).square().mean().sqrt()
    return float(gap / exact.float().std(correction=0).clamp_min(1e-12))


def check_half_precision(values: Tensor, exact: Tensor, precision: str) -> None:
    """Report how much the features of one utterance in half precision differ from float32.

    Raises:
        MedusaError: they differ by more than 5 %.
    """
    share = relative_difference(values, exact)
    if not share <= MAX_DIFFERENCE:  # this is true, too, if the share is not a number
        raise MedusaError(
            f"precision={precision}: the first utterance's features differ from float32 by "
            f"{share:.1%} (at most {MAX_DIFFERENCE:.0%} is allowed); use --set precision=fp32"
        )
    say(f"{precision}: the first utterance's features differ from float32 by {share:.2%}")


def pick_device(name: str) -> str:
    """Return the device to use; `auto` is the GPU where there is one, else the CPU.

    Raises:
        DeviceError: this machine has no such device.
    """
    # TF32 is off, because float32 features must not depend on the machine.
    torch.backends.cudnn.allow_tf32 = False
    if name != "auto" and name.split(":")[0] not in BATCH_SECONDS:
        known = ", ".join(["auto", *BATCH_SECONDS])
        raise DeviceError(f"--device {name}: expected one of {known}{nearest(name, BATCH_SECONDS)}")
    return str(choose_device(name)[0])


def default_batch_seconds(device: str, least_s: float = 0.0) -> float:
    """Return the default number of padded seconds of audio in a batch.

    Args:
        device: the device of the encoder.
        least_s: the least seconds that an utterance counts, for an encoder that pads every clip.
    """
    return max(BATCH_SECONDS[device.split(":")[0]], WINDOWS * least_s)
