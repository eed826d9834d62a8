"""eGeMAPS, the acoustic parameters that most work on emotional speech compares with.

Computed by openSMILE (`pip install 'medusa-ser[egemaps]'`), whose licence allows research and
private use; anything commercial needs another one of its owner, audEERING.
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
LEAST = 960  # samples behind openSMILE's first frame


def describe(name: str, checkpoint: str, revision: str | None) -> Backbone:
    """Return the facts; the revision is openSMILE's version.

    Raises:
        MedusaError: openSMILE is not installed, or another set is asked for.
    """
    if checkpoint not in LEVELS or revision:
        raise MedusaError(f"backbone {name}: has no checkpoints and no revisions; leave them out")
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
        preprocessing={"rate_hz": RATE_HZ, "resampler": f"soxr {RESAMPLER}", "level": level},
        default_dtype="float32",  # some functionals are beyond 65,504; and they are small
    )


def load(backbone: Backbone, layers: tuple[int, ...], device: str) -> "Egemaps":
    """Return the extractor; layer 0 is the only one, and the CPU the only device."""
    return Egemaps(backbone.preprocessing["level"])


class Egemaps:
    """25 descriptors, two frames of 10 ms averaged into one; or 88 functionals as one frame.

    Clips shorter than openSMILE's first frame (60 ms) are padded to it with zeros, and flagged.

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
    try:
        import opensmile
    except ImportError as problem:
        raise MedusaError(
            "egemaps: needs openSMILE, for research and private use only: "
            "pip install 'medusa-ser[egemaps]'"
        ) from problem
    return opensmile
