"""Changes of a recording: noise, gain, clipping, telephone, MP3, reverberation and a shift."""

import io
from collections.abc import Callable
from functools import partial

import numpy as np

from medusa.extract.inputs import Wave

RATE_HZ = 16_000
UNCHANGED = "unchanged"
Degradation = Callable[[Wave, np.random.Generator], Wave]


def noise(samples: Wave, rng: np.random.Generator, snr_db: float) -> Wave:
    """Add white noise whose power is `snr_db` below that of the whole recording."""
    power = float(np.square(samples, dtype=np.float64).mean())
    scale = np.sqrt(power / 10 ** (snr_db / 10))
    return np.asarray(samples + scale * rng.standard_normal(len(samples)), np.float32)


def gain(samples: Wave, rng: np.random.Generator, change_db: float) -> Wave:
    """Multiply the samples, as a lower recording level does; nothing is rounded."""
    return samples * np.float32(10 ** (change_db / 20))


def clip(samples: Wave, rng: np.random.Generator, share: float) -> Wave:
    """Cut off the peaks, so that this share of the samples is at the limit."""
    limit = float(np.quantile(np.abs(samples), 1 - share))
    return np.clip(samples, -limit, limit)


def telephone(samples: Wave, rng: np.random.Generator) -> Wave:
    """Keep 300 to 3400 Hz, as a telephone line does (Butterworth, order 4)."""
    from scipy.signal import butter, sosfiltfilt

    band = butter(4, (300, 3400), "bandpass", fs=RATE_HZ, output="sos")
    padding = min(len(samples) - 1, 3 * 8)
    return np.asarray(sosfiltfilt(band, samples, padlen=padding), np.float32)


def mp3(samples: Wave, rng: np.random.Generator) -> Wave:
    """Encode as MP3 with the strongest compression of libsndfile, and decode again."""
    import soundfile

    coded = io.BytesIO()
    peak = max(float(np.abs(samples).max()), 1.0)  # MP3 has no samples beyond 1.
    soundfile.write(coded, samples / peak, RATE_HZ, format="MP3", compression_level=0.99)
    decoded, _ = soundfile.read(io.BytesIO(coded.getvalue()), dtype="float32")
    return np.asarray(decoded * peak, np.float32)


def reverberate(samples: Wave, rng: np.random.Generator, seconds: float) -> Wave:
    """Add the echo of a room whose sound falls by 60 dB in `seconds`; the power stays.

    The echo is noise that decays exponentially, 50 % of the power of the direct sound (Polack,
    1988).
    """
    from scipy.signal import fftconvolve

    times = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    tail = rng.standard_normal(len(times)) * 10 ** (-3 * times / seconds)
    tail *= np.sqrt(0.5 / np.square(tail).sum())
    tail[0] = 1
    wet = fftconvolve(samples, tail)[: len(samples)]
    before, after = (np.square(one, dtype=np.float64).mean() for one in (samples, wet))
    return np.asarray(wet * np.sqrt(before / max(after, 1e-20)), np.float32)


def shift(samples: Wave, rng: np.random.Generator, seconds: float) -> Wave:
    """Put silence before the recording."""
    return np.concatenate([np.zeros(int(seconds * RATE_HZ), np.float32), samples])


# The condition -> the change of samples (S,) at 16 kHz.
DEGRADATIONS: dict[str, Degradation] = {
    "noise 20 dB": partial(noise, snr_db=20),
    "noise 10 dB": partial(noise, snr_db=10),
    "noise 5 dB": partial(noise, snr_db=5),
    "gain -20 dB": partial(gain, change_db=-20),
    "clipping 10 %": partial(clip, share=0.1),
    "telephone": telephone,
    "mp3": mp3,
    "reverberation 0.6 s": partial(reverberate, seconds=0.6),
    "shift 0.25 s": partial(shift, seconds=0.25),
}
