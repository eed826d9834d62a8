"""Where an encoder runs, and how much it is given at once there."""

from medusa.device import DeviceError, choose_device
from medusa.errors import nearest

BATCH_SECONDS = {"cuda": 400.0, "mps": 100.0, "cpu": 40.0}
WINDOWS = 2  # in a batch at least: two in one call are less work than two calls


def pick(asked: str) -> str:
    """Return the device to use; `auto` is the GPU where there is one, else the CPU.

    Raises:
        DeviceError: not a device of this machine.
    """
    import torch

    # float32 is to mean float32: a feature must not depend on the machine
    torch.backends.cudnn.allow_tf32 = False
    if asked != "auto" and asked.split(":")[0] not in BATCH_SECONDS:
        known = ", ".join(["auto", *BATCH_SECONDS])
        raise DeviceError(
            f"--device {asked}: expected one of {known}{nearest(asked, BATCH_SECONDS)}"
        )
    return str(choose_device(asked)[0])


def batch_seconds(device: str, least_s: float = 0.0) -> float:
    """Return how many padded seconds of audio a batch holds unless the user says otherwise.

    Args:
        device: whose.
        least_s: what an utterance counts at least, where an encoder pads them all.
    """
    return max(BATCH_SECONDS[device.split(":")[0]], WINDOWS * least_s)
