"""The condition of the machine: Python, torch, ffmpeg, libraries, the disk and the network."""

import errno
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from http.client import HTTPException
from importlib import metadata
from pathlib import Path

from medusa.bucket_path import BucketPath
from medusa.extract.planning.room import free_bytes
from medusa.manifests import ffmpeg
from medusa.recipes.doctor.condition import BAD, GOOD, NOTE, Condition

DISTRIBUTION = "medusa-ser"
LITTLE_ROOM, TEST_BYTES, SLOW_MB_S = 5e9, 32 << 20, 50.0
HUB_TIMEOUT_S = 5.0


def python() -> Condition:
    """Return the versions of Python and of the package."""
    found = f"medusa {metadata.version(DISTRIBUTION)}, Python {platform.python_version()}, "
    found += f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Condition("Python", GOOD, found)


def torch() -> Condition:
    """Return the version of torch and its GPUs."""
    import torch as library

    version = library.__version__
    if library.cuda.is_available():
        cards = [library.cuda.get_device_properties(n) for n in range(library.cuda.device_count())]
        names = ", ".join(f"{card.name} ({card.total_memory / 1e9:.0f} GB)" for card in cards)
        return Condition("torch", GOOD, f"{version} with CUDA {library.version.cuda}: {names}")
    if library.backends.mps.is_available():
        return Condition("torch", GOOD, f"{version} with the GPU of this Mac (mps)")
    if shutil.which("nvidia-smi"):
        advice = "there is an NVIDIA driver: install the CUDA build of torch (pytorch.org)"
        return Condition("torch", NOTE, f"{version} without CUDA", advice)
    advice = "large encoders need a GPU, or hours; logmel and egemaps are fast on a CPU"
    return Condition("torch", NOTE, f"{version}, no GPU here", advice)


def decoder() -> Condition:
    """Return the ffmpeg that decodes m4a, mp4, aac and webm."""
    try:
        path = ffmpeg.program()
        done = subprocess.run([path, "-version"], capture_output=True, text=True, check=True)
    except (ImportError, RuntimeError, OSError, subprocess.CalledProcessError):
        advice = "install ffmpeg to read m4a, mp4, aac and webm; wav, flac, ogg and mp3 need none"
        return Condition("ffmpeg", NOTE, "absent", advice)
    version = re.match(r"ffmpeg version (\S+)", done.stdout)
    return Condition("ffmpeg", GOOD, f"{version[1] if version else 'of unknown version'} ({path})")


def libraries() -> list[Condition]:
    """Return the required libraries, and those of each extra."""
    required, extras = list[str](), dict[str, list[str]]()
    for line in metadata.requires(DISTRIBUTION) or []:
        name = re.split(r"[\s<>=!~;\[(]", line)[0]
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        if extra is None:
            required.append(name)
        elif name != DISTRIBUTION and extra[1] not in ("all", "dev", "docs"):
            extras.setdefault(extra[1], []).append(name)
    lines = [_installed("libraries", required, f"pip install {DISTRIBUTION}", BAD)]
    for extra_name, names in sorted(extras.items()):
        install = f"pip install '{DISTRIBUTION}[{extra_name}]', if you need it"
        lines.append(_installed(f"extra {extra_name}", names, install, NOTE))
    return lines


def _installed(part: str, names: list[str], advice: str, otherwise: str) -> Condition:
    """Return the versions of distributions, or the absent ones."""
    versions, absent = list[str](), list[str]()
    for name in names:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            absent.append(name)
    if absent:
        return Condition(part, otherwise, f"absent: {', '.join(absent)}", advice)
    return Condition(part, GOOD, ", ".join(versions))


def disk(folder: Path) -> Condition:
    """Return the free bytes of a folder's disk, and the speed of writing and reading there."""
    if isinstance(folder, BucketPath):
        return _bucket(folder)
    free = free_bytes(folder)
    while not folder.exists():
        folder = folder.parent
    try:
        written, read = _speeds(folder)
    except OSError as problem:
        advice = "choose a folder that you may write to, in medusa.yaml or with --workspace"
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = "make room on this disk"
        return Condition("disk", BAD, f"{folder}: {problem.strerror}", advice)
    found = f"{free / 1e9:.1f} GB free; writes {written:.0f} MB/s, reads {read:.0f} MB/s"
    if free < LITTLE_ROOM:
        return Condition("disk", NOTE, found, "make room: `medusa plan` tells how much you need")
    if min(written, read) < SLOW_MB_S:
        return Condition("disk", NOTE, found, "put `features` on a local disk, in medusa.yaml")
    return Condition("disk", GOOD, found)


def _bucket(folder: BucketPath) -> Condition:
    """Return the speed of writing and reading an object in a bucket."""
    path, data = folder / f".doctor-{os.getpid()}", os.urandom(TEST_BYTES)
    try:
        began = time.perf_counter()
        path.put(data)
        written = time.perf_counter()
        path.read_bytes()
        read = time.perf_counter()
        path.unlink()
    except OSError as problem:
        advice = "check the name, the credentials and AWS_ENDPOINT_URL; see docs/buckets.md"
        return Condition("bucket", BAD, f"{folder}: {problem.strerror}", advice)
    speeds = [TEST_BYTES / 1e6 / max(one, 1e-9) for one in (written - began, read - written)]
    found = f"{folder}: writes {speeds[0]:.0f} MB/s, reads {speeds[1]:.0f} MB/s"
    return Condition("bucket", GOOD, found)


def _speeds(folder: Path) -> tuple[float, float]:
    """Return the MB/s of writing (to the disk itself) and reading one file."""
    data = os.urandom(TEST_BYTES)
    with tempfile.TemporaryFile(dir=folder) as file:
        began = time.perf_counter()
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        written = time.perf_counter() - began
        if hasattr(os, "posix_fadvise"):  # The file must be read from the disk, not from memory.
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        file.seek(0)
        began = time.perf_counter()
        file.read()
        read = time.perf_counter() - began
    return TEST_BYTES / 1e6 / max(written, 1e-9), TEST_BYTES / 1e6 / max(read, 1e-9)


def hub() -> Condition:
    """Return whether the Hugging Face Hub can be reached."""
    from huggingface_hub.constants import ENDPOINT, HF_HUB_OFFLINE

    if HF_HUB_OFFLINE:
        advice = "unset HF_HUB_OFFLINE to download checkpoints"
        return Condition("hub", NOTE, "HF_HUB_OFFLINE is set", advice)
    try:
        with urllib.request.urlopen(f"{ENDPOINT}/api/models?limit=1", timeout=HUB_TIMEOUT_S):
            return Condition("hub", GOOD, f"{ENDPOINT} answers")
    except (OSError, ValueError, HTTPException) as problem:
        advice = "download checkpoints elsewhere, and name them in medusa.yaml"
        return Condition("hub", NOTE, f"{ENDPOINT}: {problem}", advice)
