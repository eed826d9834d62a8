"""The search for near copies: prints find the likely pairs, and their samples decide."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from medusa.manifests.audio import decoding, each
from medusa.manifests.manifest import Manifest
from medusa.manifests.near_copies.prints import Bits, fingerprint, near_pairs

RATE_HZ = 2000  # Voices have most of their energy below 1 kHz.
# The prints of a clip and of its copy without 20 ms at each end differ in up to 17 % of their bits.
LIKELY = 0.2
# The copies of clips of EmoDB and RAVDESS reach 0.9 or more, and different recordings up to 0.5.
SAME = 0.7
CACHED = 2000  # The number of clips whose samples are kept in memory.
Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class CorpusClip:
    """The place of a clip: its file, and where it begins and how long it lasts."""

    path: Path
    start_s: float
    length_s: float

    def read(self) -> tuple[Samples, int]:
        """Return the mean of the channels, and the sample rate.

        Raises:
            AudioError: the file cannot be decoded.
        """
        with decoding(self.path) as file:
            rate = file.samplerate
            file.seek(round(self.start_s * rate))
            sound = file.read(max(round(self.length_s * rate), 1), "float32", always_2d=True)
        return np.nan_to_num(sound.mean(axis=1), posinf=0.0, neginf=0.0), rate


def clips_of(manifest: Manifest) -> dict[str, CorpusClip]:
    """Return the clip of each content."""
    rows = manifest.frame.dropna(subset=["path", "content"]).drop_duplicates("content")
    columns = (rows[name] for name in ("content", "path", "start_s", "duration_s"))
    return {
        str(content): CorpusClip(manifest.audio_path(str(path)), float(start_s), float(length_s))
        for content, path, start_s, length_s in zip(*columns, strict=True)
    }


def prints_of(
    clips: Mapping[str, CorpusClip], advance: Callable[[], None] = lambda: None
) -> tuple[dict[str, Bits], int]:
    """Return the prints of the clips, and the number of files that cannot be read."""
    contents: dict[Path, list[str]] = defaultdict(list)
    for content, clip in clips.items():
        contents[clip.path].append(content)

    def of_file(path: Path) -> dict[str, Bits]:
        return {content: fingerprint(*clips[content].read()) for content in contents[path]}

    found, problems = each(of_file, contents, advance)
    return {content: bits for part in found.values() for content, bits in part.items()}, len(
        problems
    )


def copies_among(
    clips: Mapping[str, CorpusClip], prints: Mapping[str, Bits]
) -> list[tuple[str, str]]:
    """Return the pairs of contents that are near copies.

    The pairs with similar prints are aligned. They are near copies if their samples below 1 kHz
    correlate with more than `SAME`; a silent clip is no copy.
    """
    from scipy.signal import correlate

    @lru_cache(CACHED)
    def samples(content: str) -> Samples:
        mono, rate = clips[content].read()
        low: Samples = soxr.resample(mono, rate, RATE_HZ)
        return low / max(float(np.linalg.norm(low)), 1e-6)

    likely = near_pairs(prints, {name: clips[name].length_s for name in prints}, LIKELY)
    return [
        (one, other)
        for one, other in likely
        if correlate(samples(one), samples(other), method="fft").max() > SAME
    ]
