"""A command chooses the device that computes, and reports the reason."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from medusa.errors import DeviceError
from medusa.strict import parts_of

if TYPE_CHECKING:
    import torch


def is_cluster(name: str) -> bool:
    """Return whether a name means a Ray cluster: `ray`, or `ray://HOST:PORT`."""
    return name == "ray" or name.startswith("ray://")


def computers(devices: str, jobs: int) -> dict[str, object]:
    """Return the options of `extract` and `transcribe` for devices, or for a cluster.

    Args:
        devices: a comma list of devices, or a cluster.
        jobs: the number of workers of the cluster.

    Raises:
        DeviceError: a device is unknown or unusable.
    """
    if is_cluster(devices):
        return {"on": devices, "workers": jobs}
    return {"device": ",".join(str(one) for one in choose_devices(devices)[0])}


def usual_config(name: str) -> tuple[str, str]:
    """Return the name of the preset that suits devices or a cluster, and the reason for it.

    Raises:
        DeviceError: a device is unknown or unusable.
    """
    if is_cluster(name):
        return "small", name
    devices, reason = choose_devices(name)
    return "medusa" if devices[0].type == "cuda" else "small", reason


def choose_device(name: str) -> "tuple[torch.device, str]":
    """Return the device and, in a few words, the reason for it.

    Args:
        name: `auto`, which chooses a GPU if there is one, or the name of a torch device.

    Raises:
        DeviceError: torch does not know the name, or this machine has no such device.
    """
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda"), f"a GPU is here: {torch.cuda.get_device_name()}"
        return torch.device("cpu"), "no GPU here"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as problem:
        reason = str(problem).splitlines()[0]
        if reason.startswith("Expected one of"):  # Torch lists every kind of device it knows.
            reason = "expected cpu, cuda, cuda:N, mps or auto"
        raise DeviceError(
            f"--device {name}: not usable here ({reason}); use auto or cpu"
        ) from problem
    return device, f"--device {name}"


def choose_devices(names: str) -> "tuple[list[torch.device], str]":
    """Return the devices of a list that commas separate, and the reasons of `choose_device`."""
    chosen = [choose_device(name) for name in parts_of(names)]
    if not chosen:
        raise DeviceError("--device: names no device; use auto or cpu")
    return [device for device, _ in chosen], ", ".join(why for _, why in chosen)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread inside the block: small models cannot keep more threads busy."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
