"""This part of the audit decodes the clips, to find clipping, silence and near duplicates."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medusa.errors import plural
from medusa.manifests.audio import decoding, each
from medusa.manifests.audit.findings import Finding, Subject
from medusa.manifests.near_copies.prints import BITS, Bits, fingerprint, near_pairs

CLIPPED = 0.999  # A sample above this share of the full scale is clipped.
CLIPPED_SHARE = 0.001  # A clip with more than this share of clipped samples is reported.
SILENT_DB = -60.0  # A clip is silent if its loudest 20 ms are below this, relative to full scale.


@dataclass(frozen=True)
class Loudness:
    """The share of clipped samples of a clip, its loudest 20 ms in dB, and its print.

    The loudest 20 ms are NaN if a sample is not a number.
    """

    clipped: float
    loudest_db: float
    bits: Bits


def sounds_of(subject: Subject, advance: Callable[[], None] = lambda: None) -> dict[str, Loudness]:
    """Decode every clip, one for each content, and return its loudness by id."""
    rows = subject.frame.dropna(subset=["path", "content"]).drop_duplicates("content")
    segments: dict[Path, list[tuple[str, float, float]]] = defaultdict(list)
    for name, path, start_s, length_s in zip(
        rows["id"], rows["path"], rows["start_s"], rows["duration_s"], strict=True
    ):
        segments[subject.folder / str(path)].append((str(name), float(start_s), float(length_s)))

    def clips_of(path: Path) -> dict[str, Loudness]:
        return {name: loudness_of(path, start, length) for name, start, length in segments[path]}

    found, _ = each(clips_of, segments, advance)  # The other checks report unreadable recordings.
    return {name: sound for part in found.values() for name, sound in part.items()}


def listen(subject: Subject, sounds: dict[str, Loudness]) -> Iterator[Finding]:
    """Find clipped, silent and broken clips, and pairs that are nearly the same.

    Two clips are nearly the same if their prints are. A print has the signs of the changes of
    energy over time and frequency, on a grid of 32 x 16 points over the clip. Gain, noise and
    coding leave it nearly unchanged; cutting changes it. Clips whose lengths differ by more than
    5 % are not compared.
    """
    loud = {name: sound for name, sound in sounds.items() if sound.loudest_db > SILENT_DB}
    clipped = tuple(name for name, sound in sounds.items() if sound.clipped > CLIPPED_SHARE)
    broken = tuple(name for name, sound in sounds.items() if math.isnan(sound.loudest_db))
    silent = tuple(name for name in sounds if name not in loud and name not in broken)
    if broken:
        clips = plural(len(broken), "clip has")
        message = f"{clips} samples that are not numbers (NaN or infinite)"
        yield Finding("error", "sound", message, "replace the files", broken)
    if clipped:
        clips = plural(len(clipped), "clip has")
        message = f"{clips} more than {CLIPPED_SHARE:.1%} of samples clipped"
        yield Finding("warning", "sound", message, "check them; leave bad clips out", clipped)
    if silent:
        message = f"{plural(len(silent), 'clip is')} silent (never above {SILENT_DB:g} dB)"
        yield Finding("warning", "sound", message, "leave them out", silent)
    yield from _alike(subject, loud)


def loudness_of(path: Path, start_s: float, length_s: float) -> Loudness:
    """Decode a segment and return its loudness and its print.

    Raises:
        AudioError: the file cannot be decoded.
    """
    with decoding(path) as file:
        rate = file.samplerate
        file.seek(round(start_s * rate))
        sound = file.read(max(round(length_s * rate), 1), dtype="float32", always_2d=True)
    if not np.isfinite(sound).all():
        return Loudness(0.0, math.nan, np.zeros(BITS, np.bool_))
    clipped = float((np.abs(sound) >= CLIPPED).mean()) if len(sound) else 0.0
    mono = sound.mean(axis=1)
    window = max(rate // 50, 1)
    padded = np.pad(mono, (0, -len(mono) % window)).reshape(-1, window)
    power = float(np.square(padded).mean(axis=1).max()) if len(mono) else 0.0
    return Loudness(clipped, 10 * math.log10(max(power, 1e-12)), fingerprint(mono, rate))


def _alike(subject: Subject, loud: dict[str, Loudness]) -> Iterator[Finding]:
    """Find pairs of clips with nearly the same print, across splits and within one."""
    frame = subject.frame.drop_duplicates("id").set_index("id")
    prints = {name: sound.bits for name, sound in loud.items()}
    pairs = near_pairs(
        prints, dict(zip(frame.index, frame["duration_s"].astype(float), strict=True))
    )
    split = frame["split"].fillna("").to_dict()
    across = [pair for pair in pairs if len({split[name] for name in pair} - {""}) == 2]
    within = [pair for pair in pairs if pair not in set(across)]
    for kind, found in {"in two splits": across, "in one split, or none": within}.items():
        if found:
            message = f"{plural(len(found), 'pair')} of clips {kind} sound nearly the same"
            remedy = "check them by ear; keep one of each pair, or put both into one split"
            where = tuple(f"{one} = {other}" for one, other in found)
            yield Finding("warning", "near duplicates", message, remedy, where)
