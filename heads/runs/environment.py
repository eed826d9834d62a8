"""What a result may depend on besides its configuration: versions and hardware."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

LIBRARIES = ("medusa-ser", "torch", "transformers", "numpy", "pandas", "zarr", "scikit-learn")


def environment() -> dict[str, Any]:
    """Return the versions of Python and of the libraries, the machine, its cores and its GPU."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in LIBRARIES},
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if cuda else None,
    }


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "absent"
