"""eGeMAPS, the acoustic parameters with which most work on emotional speech compares its own.

openSMILE computes them (`pip install 'medusa-ser[egemaps]'`). Its licence allows research and
private use; commercial use needs a licence from its owner, audEERING.
Source: Eyben et al., IEEE Transactions on Affective Computing 7(2), 2016; feature set eGeMAPSv02.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from medusa.errors import MedusaError
from medusa.extract.encoders import Backbone, Checkpoint, Encoded, average_frames
from medusa.extract.inputs.segments import RESAMPLER, Wave

CHECKPOINTS = {
    "egemaps": Checkpoint("frames"),
    "egemaps-functionals": Checkpoint("functionals"),
}
INPUT, ON_HUB = "audio", False
LEVELS = {"frames": ("LowLevelDescriptors", 25), "functionals": ("Functionals", 88)}
RATE_HZ = 16_000
HIGHEST = 32767 / 32768  # the highest sample that int16 has
LEAST = 960  # the samples that openSMILE needs for its first frame


def describe(name: str, checkpoint: str, revision: str | None) -> Backbone:
    """Return the facts; the revision is openSMILE's version.

    Raises:
        MedusaError: openSMILE is not installed, or a checkpoint or a revision is given.
    """
    if checkpoint not in LEVELS or revision:
        raise MedusaError(
            f"backbone {name}: it has neither checkpoints nor revisions; leave --checkpoint and "
            "revision out"
        )
    level, width = LEVELS[checkpoint]
    return Backbone(
        name=name,
        family="egemaps",
        source=checkpoint,
        checkpoint=f"eGeMAPSv02/{checkpoint}",
        revision=str(_opensmile().__version__),
        input="audio",
        n_layers=0,
        width=width,
        frame_shift_s=0.02 if checkpoint == "frames" else None,
        rate_hz=RATE_HZ,
        default_layers="last",
        preprocessing={
            "rate_hz": RATE_HZ,
            "resampler": f"soxr {RESAMPLER}",
            "level": level,
            "full_scale": "kept",  # Stores without this key have peaks that wrapped round.
        },
        default_dtype="float32",  # some functionals exceed 65,504, the largest float16
    )


def load(backbone: Backbone, layers: tuple[int, ...], device: str) -> "Egemaps":
    """Return the extractor; layer 0 is the only one, and the CPU the only device."""
    return Egemaps(backbone.preprocessing["level"])


class Egemaps:
    """Compute 25 descriptors, with two frames of 10 ms averaged into one, or 88 functionals.

    The functionals are one frame. Clips that are shorter than openSMILE's first frame (60 ms) are
    padded with zeros to its length, and flagged.

    Args:
        level: `LowLevelDescriptors` or `Functionals`.
    """

    batch_invariant = True

    def __init__(self, level: str) -> None:
        library = _opensmile()
        self.frames = level == "LowLevelDescriptors"
        self.smile = library.Smile(
            feature_set=library.FeatureSet.eGeMAPSv02,
            feature_level=getattr(library.FeatureLevel, level),
        )

    def prepare(self, source: Wave) -> Encoded:
        lacking = max(LEAST - len(source), 0)
        # openSMILE's wrapper multiplies by 32,768 and casts to int16: a sample of 1.0 becomes -1.
        inside = np.clip(source, -1.0, HIGHEST)
        table = self.smile.process_signal(np.pad(inside, (0, lacking)), RATE_HZ)
        values = torch.from_numpy(table.to_numpy(np.float32, copy=True))
        kept = average_frames(values[None], 2) if self.frames else values[None]
        return Encoded(kept, ("padded",) if lacking else ())

    def encode(self, items: Sequence[Encoded]) -> list[Encoded]:
        return list(items)


def _opensmile() -> Any:
    """Return the module `opensmile`; the error names the package to install."""
    try:
        import opensmile
    except ImportError as problem:
        raise MedusaError(
            "egemaps: openSMILE is not installed; for research and private use, run "
            "`pip install 'medusa-ser[egemaps]'`"
        ) from problem
    return opensmile
