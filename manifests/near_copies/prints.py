"""The prints of clips: a clip in another coding or loudness has nearly the same print."""

import itertools
from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

SLICES, BANDS, TOP_HZ = 33, 17, 4000.0
BITS = (SLICES - 1) * (BANDS - 1)
FLOOR, MARGIN = 1e-3, 0.2
NEAR = 0.1  # Two prints are nearly the same if less than this share of their bits differ.
CHUNK = 16  # Two prints are compared if they share a chunk of this many bits.
MOST = 200  # A chunk that more recordings share is too common, and is ignored.
Bits = npt.NDArray[np.bool_]


def fingerprint(mono: npt.NDArray[np.float32], rate: int) -> Bits:
    """Return 512 bits; a bit is set if the step between two bands grows from slice to slice.

    Source: Haitsma and Kalker, ISMIR 2002; here the grid spans the clip.
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
    floor = FLOOR * energy.max() + 1e-12  # Energy below this floor is noise.
    steps = np.diff(np.log(energy + floor), axis=1)
    bits: Bits = (np.diff(steps, axis=0) > MARGIN).ravel()
    return bits


def near_pairs(
    prints: Mapping[str, Bits], length_s: Mapping[str, float], near: float = NEAR
) -> list[tuple[str, str]]:
    """Return the pairs of names whose prints differ in less than a share `near` of their bits.

    Clips whose lengths differ by more than 5 % are not compared.
    """
    names = list(prints)
    if len(names) < 2:
        return []
    bits = np.stack([prints[name] for name in names])
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
        if lengths[1] <= 1.05 * lengths[0] and (bits[one] != bits[other]).mean() < near:
            found.append((names[one], names[other]))
    return found
