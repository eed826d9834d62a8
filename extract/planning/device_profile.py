"""The speed and the memory of the devices for which a plan is made."""

import time
from dataclasses import dataclass

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
    device = torch.device("cuda" if cuda else "cpu")
    size = 8192 if cuda else 1024
    kind = torch.bfloat16 if cuda and torch.cuda.is_bf16_supported() else torch.float32
    a = torch.randn(size, size, device=device, dtype=kind)
    best, until = 0.0, time.monotonic() + 1.0
    while time.monotonic() < until:
        began = time.perf_counter()
        a @ a
        if cuda:
            torch.cuda.synchronize()
        best = max(best, 2 * size**3 / (time.perf_counter() - began))
    memory = torch.cuda.mem_get_info()[1] / 1e9 if cuda else 0.0
    return DeviceProfile(best, memory)


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
