"""A synthetic voice that carries arousal: a pulse train, formant resonators and noise.

It speaks random syllables, not the words of the transcript. So the sound is independent of the
words given the class, and the best prediction from each view alone is known.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

Samples = npt.NDArray[np.float64]

RATE_HZ = 16_000
# The first four formants of an adult male voice in Hz, rounded from Peterson and Barney (1952).
VOWELS_HZ = (
    (270, 2290, 3010, 3500),
    (530, 1840, 2480, 3500),
    (660, 1720, 2410, 3500),
    (730, 1090, 2440, 3500),
    (570, 840, 2410, 3500),
    (300, 870, 2240, 3500),
    (490, 1350, 1690, 3500),
)
BANDWIDTHS_HZ = (70, 100, 140, 220)


@dataclass(frozen=True)
class Voice:
    """The properties of a speaker's voice that do not depend on the emotion.

    Attributes:
        gender: `female` or `male`.
        f0_hz: the usual pitch.
        formants: a factor on all formant frequencies, above 1 for a shorter vocal tract.
        pace: a factor on all durations.
        tilt: the usual spectral tilt, added to the tilt that depends on arousal.
        breath: the level of noise in voiced sound, relative to that sound.
    """

    gender: str
    f0_hz: float
    formants: float
    pace: float
    tilt: float
    breath: float


def cast(count: int, rng: np.random.Generator) -> list[Voice]:
    """Draw `count` voices; women and men alternate."""
    voices = []
    for index in range(count):
        female = index % 2 == 0
        voices.append(
            Voice(
                gender="female" if female else "male",
                f0_hz=rng.uniform(165, 240) if female else rng.uniform(90, 145),
                formants=rng.uniform(1.10, 1.22) if female else rng.uniform(0.95, 1.06),
                pace=rng.uniform(0.9, 1.12),
                tilt=rng.normal(0, 0.015),
                breath=rng.uniform(0.01, 0.05),
            )
        )
    return voices


def speak(voice: Voice, arousal: float, rng: np.random.Generator) -> Samples:
    """Return the sound of six to nine random syllables.

    With arousal (about -2..2) the pitch rises and moves more, the spectrum becomes flatter and the
    syllables become shorter. The loudness is random, because the encoders normalise it away.

    Returns:
        (samples,) at 16 kHz, with a peak between 0.3 and 0.8.
    """
    tension = arousal + rng.normal(0, 0.15)  # A voice does not show its arousal exactly.
    syllables = [_syllable(voice, tension, rng) for _ in range(rng.integers(6, 10))]
    pause = int(0.05 * RATE_HZ)
    sound = np.concatenate([np.zeros(pause), *syllables, np.zeros(pause)])
    sound /= np.abs(sound).max()
    sound += rng.normal(0, 10 ** rng.uniform(-3.2, -2.8), len(sound))  # the room
    loudness: float = rng.uniform(0.3, 0.8)
    spoken: Samples = sound * (loudness / np.abs(sound).max())
    return spoken


def _syllable(voice: Voice, tension: float, rng: np.random.Generator) -> Samples:
    """Return a consonant (hiss or silence) and a vowel."""
    seconds = 0.17 * voice.pace * np.exp(-0.16 * tension + rng.normal(0, 0.12))
    size = int(seconds * RATE_HZ)
    source = _pulses(_pitch(voice, tension, size, rng), rng)
    source += voice.breath * np.sqrt(RATE_HZ / 100) * rng.normal(0, 0.1, size)
    # A one-pole low-pass gives the slope of the voice source. A pole nearer to 1 is duller.
    pole = float(np.clip(0.86 + voice.tilt - 0.11 * tension, 0.5, 0.985))
    vowel = lfilter([1 - pole], [1, -pole], source)
    for formant, width in zip(VOWELS_HZ[rng.integers(len(VOWELS_HZ))], BANDWIDTHS_HZ, strict=True):
        vowel = _resonate(vowel, formant * voice.formants, width)
    vowel *= _swell(size, np.exp(0.1 * tension))
    vowel /= max(float(np.sqrt(np.mean(vowel**2))), 1e-9)
    stress = np.exp(rng.normal(0, 0.15 + 0.05 * np.exp(0.4 * tension)))
    return np.concatenate([_consonant(tension, rng), stress * vowel])


def _pitch(voice: Voice, tension: float, size: int, rng: np.random.Generator) -> Samples:
    """Return the pitch of each sample in Hz: a line that falls or rises around the usual pitch."""
    lively = 1.2 * np.exp(0.4 * tension)
    start, end = 2.4 * tension + rng.normal(0, lively, 2)
    semitones = np.linspace(start, end, size)
    pitch: Samples = voice.f0_hz * 2 ** (semitones / 12)
    return pitch


def _pulses(pitch_hz: Samples, rng: np.random.Generator) -> Samples:
    """Return one pulse per period, with jitter (1 % in time) and shimmer (5 % in height)."""
    phase = np.cumsum(pitch_hz * (1 + rng.normal(0, 0.01)) / RATE_HZ) + rng.uniform()
    starts = np.flatnonzero(np.diff(np.floor(phase), prepend=np.floor(phase[0])))
    moved = starts + np.rint(rng.normal(0, 0.01, len(starts)) * RATE_HZ / pitch_hz[starts])
    pulses = np.zeros(len(pitch_hz))
    pulses[np.clip(moved, 0, len(pulses) - 1).astype(int)] = 1 + rng.normal(0, 0.05, len(starts))
    return pulses


def _resonate(sound: Samples, centre_hz: float, width_hz: float) -> Samples:
    """Filter a sound by one second-order resonator (Klatt, 1980, equations 1 and 2)."""
    c = -np.exp(-2 * np.pi * width_hz / RATE_HZ)
    b = 2 * np.exp(-np.pi * width_hz / RATE_HZ) * np.cos(2 * np.pi * centre_hz / RATE_HZ)
    passed: Samples = lfilter([1 - b - c], [1, -b, -c], sound)
    return passed


def _swell(size: int, sharpness: float) -> Samples:
    """Return the loudness of a vowel over time: it rises, stays and falls."""
    where = np.linspace(0, np.pi, size)
    swell: Samples = np.sin(where) ** (0.7 / sharpness)
    return swell


def _consonant(tension: float, rng: np.random.Generator) -> Samples:
    """Return a hiss (in two of three cases), or the silence of a stop with its burst."""
    size = int(rng.uniform(0.03, 0.07) * RATE_HZ)
    if rng.uniform() < 2 / 3:
        hiss = np.diff(rng.normal(0, 0.12, size + 1))
        consonant: Samples = hiss * _swell(size, 1) * np.exp(0.1 * tension)
    else:
        consonant = rng.normal(0, 0.3, size) * (np.arange(size) > size - 80)
    return consonant
