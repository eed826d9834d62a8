"""The peak memory is read from the system's own account of the process."""

import resource
from pathlib import Path

import pytest
import torch

from medusa.heads.networks import memory
from medusa.heads.networks.memory import peak_memory_gb

CPU = torch.device("cpu")


@pytest.fixture
def status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file that takes the part of /proc/self/status; getrusage reports 7,000 KiB."""
    file = tmp_path / "status"

    class Usage:
        ru_maxrss = 7_000

    monkeypatch.setattr(memory, "Path", lambda path: file)
    monkeypatch.setattr(resource, "getrusage", lambda who: Usage)
    monkeypatch.setattr(memory.sys, "platform", "linux")
    return file


def test_the_kernels_high_water_mark_is_preferred(status: Path) -> None:
    status.write_text("Name:\tpython\nVmHWM:\t  3000 kB\nVmRSS:\t 2000 kB\n")
    assert peak_memory_gb(CPU) == 0.003072


def test_without_a_high_water_mark_getrusage_counts(status: Path) -> None:
    status.write_text("Name:\tpython\nVmRSS:\t 2000 kB\n")
    assert peak_memory_gb(CPU) == 0.007168


def test_without_a_status_file_getrusage_counts(
    status: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert peak_memory_gb(CPU) == 0.007168
    monkeypatch.setattr(memory.sys, "platform", "darwin")  # which counts bytes
    assert peak_memory_gb(CPU) == 0.000007
