"""The speed and the memory of the devices for which a plan is made."""

import time
from dataclasses import dataclass
from functools import cache

from medusa.errors import MedusaError, nearest


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
