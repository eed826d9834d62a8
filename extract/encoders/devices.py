"""Where an encoder runs, and how many seconds of audio a batch holds there."""

from medusa.device import choose_device
from medusa.errors import DeviceError, nearest

BATCH_SECONDS = {"cuda": 400.0, "mps": 100.0, "cpu": 40.0}
WINDOWS = 2  # in a batch at least: two in one call are less work than two calls


def pick(name: str) -> str:
    """Return the device to use; `auto` is the GPU where there is one, else the CPU.

    Raises:
        DeviceError: not a device of this machine.
    """
    import torch

    # Without TF32: float32 features must not depend on the machine.
    torch.backends.cudnn.allow_tf32 = False
    if name != "auto" and name.split(":")[0] not in BATCH_SECONDS:
        known = ", ".join(["auto", *BATCH_SECONDS])
        raise DeviceError(f"--device {name}: expected one of {known}{nearest(name, BATCH_SECONDS)}")
    return str(choose_device(name)[0])


def default_batch_seconds(device: str, least_s: float = 0.0) -> float:
    """Return how many padded seconds of audio a batch holds unless the user says otherwise.

    Args:
        device: where the encoder runs.
        least_s: the least seconds that an utterance counts, where an encoder pads all of them.
    """
    return max(BATCH_SECONDS[device.split(":")[0]], WINDOWS * least_s)
