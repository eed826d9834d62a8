"""The part of the audit that decodes: clipping, silence, and clips that are nearly the same."""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from medusa.errors import AudioError, plural
from medusa.manifests.audio import each
from medusa.manifests.audit.findings import Finding, Subject

CLIPPED = 0.999  # of full scale
CLIPPED_SHARE = 0.001  # of the samples
SILENT_DB = -60.0  # the loudest 20 ms, below full scale
SLICES, BANDS, TOP_HZ = 33, 17, 4000.0
BITS = (SLICES - 1) * (BANDS - 1)
FLOOR, MARGIN = 1e-3, 0.2
NEAR = 0.1  # of the bits may differ
CHUNK = 16  # bits that must agree somewhere for two prints to be compared
MOST = 200  # recordings that share such a chunk; more say nothing about any two
Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Loudness:
    """What a clip sounds like: share of clipped samples, loudest 20 ms in dB, and its print."""

    clipped: float
    loudest_db: float
    bits: Bits


def listen(subject: Subject, advance: Callable[[], None] = lambda: None) -> Iterator[Finding]:
    """Decode every clip; find clipped and silent ones, and pairs that are nearly the same.

    Two clips are nearly the same when their prints are: the signs of how energy changes over time
    and frequency, on a grid of 32 x 16 laid over the clip. That stands gain, noise and coding, not
    cutting. Clips of unequal length (5 %) are not compared.
    """
    rows = subject.frame.dropna(subset=["path", "content"]).drop_duplicates("content")
    segments: dict[Path, list[tuple[str, float, float]]] = defaultdict(list)
    for name, path, start_s, length_s in zip(
        rows["id"], rows["path"], rows["start_s"], rows["duration_s"], strict=True
    ):
        segments[subject.folder / str(path)].append((str(name), float(start_s), float(length_s)))

    def look(path: Path) -> dict[str, Loudness]:
        return {name: hear(path, start, length) for name, start, length in segments[path]}

    found, _ = each(look, segments, advance)  # what cannot be read is reported by the other checks
    sounds = {name: sound for part in found.values() for name, sound in part.items()}
    loud = {name: sound for name, sound in sounds.items() if sound.loudest_db > SILENT_DB}
    clipped = tuple(name for name, sound in sounds.items() if sound.clipped > CLIPPED_SHARE)
    silent = tuple(name for name in sounds if name not in loud)
    if clipped:
        clips = plural(len(clipped), "clip has")
        message = f"{clips} more than {CLIPPED_SHARE:.1%} of samples clipped"
        yield Finding("warning", "sound", message, "record again, or know about it", clipped)
    if silent:
        message = f"{plural(len(silent), 'clip is')} silent (never above {SILENT_DB:g} dB)"
        yield Finding("warning", "sound", message, "leave them out", silent)
    yield from _alike(subject, loud)


def hear(path: Path, start_s: float, length_s: float) -> Loudness:
    """Decode a segment and return what it sounds like.

    Raises:
        AudioError: the file cannot be decoded.
    """
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            file.seek(round(start_s * rate))
            sound = file.read(max(round(length_s * rate), 1), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as problem:
        raise AudioError(f"{path}: cannot be decoded: {problem}") from problem
    clipped = float((np.abs(sound) >= CLIPPED).mean()) if len(sound) else 0.0
    mono = sound.mean(axis=1)
    window = max(rate // 50, 1)
    padded = np.pad(mono, (0, -len(mono) % window)).reshape(-1, window)
    power = float(np.square(padded).mean(axis=1).max()) if len(mono) else 0.0
    return Loudness(clipped, 10 * math.log10(max(power, 1e-12)), fingerprint(mono, rate))


def fingerprint(mono: npt.NDArray[np.float32], rate: int) -> Bits:
    """Return 512 bits: does the step between neighbouring bands grow from slice to slice?

    Source: the idea of Haitsma and Kalker, ISMIR 2002, on a grid that spans the clip.
    """
    edges = np.linspace(0, len(mono), SLICES + 1).astype(int)
    size = max(int(np.diff(edges).max()), 64)
    slices = np.zeros((SLICES, size), np.float32)
    for row in range(SLICES):
        part = mono[edges[row] : edges[row + 1]]
        slices[row, : len(part)] = part * np.hanning(len(part))
    power = np.square(np.abs(np.fft.rfft(slices, axis=1)))
    hertz = np.fft.rfftfreq(size, 1 / rate)
    borders = np.geomspace(100.0, min(TOP_HZ, rate / 2), BANDS + 1)
    band = np.clip(np.searchsorted(borders, hertz, side="right") - 1, -1, BANDS)
    energy = np.stack([power[:, band == number].sum(axis=1) for number in range(BANDS)], axis=1)
    floor = FLOOR * energy.max() + 1e-12  # noise below it says nothing
    steps = np.diff(np.log(energy + floor), axis=1)
    bits: Bits = (np.diff(steps, axis=0) > MARGIN).ravel()
    return bits


def _alike(subject: Subject, loud: dict[str, Loudness]) -> Iterator[Finding]:
    """Find pairs of clips with nearly the same print; across splits they are worse."""
    frame = subject.frame.drop_duplicates("id").set_index("id")
    pairs = near_pairs(loud, dict(zip(frame.index, frame["duration_s"].astype(float), strict=True)))
    split = frame["split"].fillna("").to_dict()
    across = [pair for pair in pairs if len({split[name] for name in pair} - {""}) == 2]
    within = [pair for pair in pairs if pair not in set(across)]
    for kind, found in {"in two splits": across, "in one split, or none": within}.items():
        if found:
            message = f"{plural(len(found), 'pair')} of clips {kind} sound nearly the same"
            remedy = "listen to them; keep one of each pair, or put both into one split"
            where = tuple(f"{one} = {other}" for one, other in found)
            yield Finding("warning", "near duplicates", message, remedy, where)


def near_pairs(sounds: dict[str, Loudness], length_s: dict[str, float]) -> list[tuple[str, str]]:
    """Return the pairs of names whose prints differ in less than `NEAR` of their bits."""
    names = list(sounds)
    if len(names) < 2:
        return []
    bits = np.stack([sounds[name].bits for name in names])
    packed = np.packbits(bits, axis=1)
    words = packed.reshape(len(names), -1, CHUNK // 8)
    candidates: set[tuple[int, int]] = set()
    for column in range(words.shape[1]):
        buckets: dict[bytes, list[int]] = defaultdict(list)
        for row, word in enumerate(words[:, column]):
            buckets[word.tobytes()].append(row)
        for rows in buckets.values():
            if 1 < len(rows) <= MOST:
                candidates |= set(itertools.combinations(rows, 2))
    found = []
    for one, other in sorted(candidates):
        lengths = sorted((length_s[names[one]], length_s[names[other]]))
        if lengths[1] <= 1.05 * lengths[0] and (bits[one] != bits[other]).mean() < NEAR:
            found.append((names[one], names[other]))
    return found
