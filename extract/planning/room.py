"""The free bytes of the disk are compared with the bytes of the features, before the work."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from medusa.bucket_path import BucketPath
from medusa.cache.layout import store_bytes
from medusa.errors import MedusaError
from medusa.extract.inputs import Utterance
from medusa.extract.planning.jobs import ExtractionJob

CHARACTERS_A_TOKEN = 4


def require_room(folder: Path, needed: float) -> None:
    """Raise an error if the disk of a folder has fewer free bytes than the features need."""
    if needed > (free := free_bytes(folder)):
        raise MedusaError(
            f"{folder}: the features need {needed / 1e9:.2f} GB and {free / 1e9:.2f} GB are free; "
            "use another disk (medusa.yaml), make room, or keep less (--layers, --reduce, "
            "--set dtype=int8)"
        )


def bytes_of(job: ExtractionJob, missing: Sequence[Utterance]) -> int:
    """Return the approximate number of bytes of these utterances in a job's store."""
    if job.spec.input == "audio":
        lengths = [job.backbone.frames(one.seconds) for one in missing]
    else:
        lengths = [len(str(one.source)) // CHARACTERS_A_TOKEN + 1 for one in missing]
    return sum(store_bytes(job.spec, lengths).values())


def free_bytes(folder: Path) -> int:
    """Return the free bytes of a folder's disk; the folder may not exist yet.

    A bucket has room for everything.
    """
    if isinstance(folder, BucketPath):
        return sys.maxsize
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
