"""The device of an encoder, and the seconds of audio that a batch holds on it."""

from medusa.device import choose_device
from medusa.errors import DeviceError, nearest

BATCH_SECONDS = {"cuda": 400.0, "mps": 100.0, "cpu": 40.0}
WINDOWS = 2  # the fewest windows in a batch: two in one call are less work than two calls


def pick(name: str) -> str:
    """Return the device to use; `auto` is the GPU where there is one, else the CPU.

    Raises:
        DeviceError: this machine has no such device.
    """
    import torch

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
