"""Each degradation changes the one thing that its name says."""

import numpy as np
import pytest
from scipy.signal import welch

from medusa.inference.stress.degradations import DEGRADATIONS, RATE_HZ

RNG_SEED = 7
SPEECH = 0.3 * np.sin(np.arange(RATE_HZ) * 2 * np.pi * 440 / RATE_HZ).astype(np.float32)


def degraded(name: str, samples: np.ndarray = SPEECH) -> np.ndarray:
    return DEGRADATIONS[name](samples, np.random.default_rng(RNG_SEED))


def power(samples: np.ndarray) -> float:
    return float(np.square(samples, dtype=np.float64).mean())


@pytest.mark.parametrize("name", sorted(DEGRADATIONS))
def test_one_seed_gives_one_sound_of_finite_samples(name: str) -> None:
    found = degraded(name)
    assert found.dtype == np.float32 and found.ndim == 1 and np.isfinite(found).all()
    assert np.array_equal(found, degraded(name))
    assert not np.array_equal(found[: len(SPEECH)], SPEECH)
    silence = degraded(name, np.zeros(800, np.float32))
    assert np.abs(silence).max() < 1e-3


@pytest.mark.parametrize("snr_db", [20, 10, 5])
def test_noise_has_the_power_of_its_name(snr_db: int) -> None:
    added = degraded(f"noise {snr_db} dB") - SPEECH
    assert 10 * np.log10(power(SPEECH) / power(added)) == pytest.approx(snr_db, abs=0.2)


def test_the_gain_is_a_tenth() -> None:
    assert degraded("gain -20 dB") == pytest.approx(SPEECH / 10, rel=1e-5)


def test_a_tenth_of_the_samples_is_at_the_limit() -> None:
    found = degraded("clipping 10 %")
    at_limit = np.abs(found) >= np.abs(found).max() - 1e-6
    assert at_limit.mean() == pytest.approx(0.1, abs=0.01)
    assert found[~at_limit] == pytest.approx(SPEECH[~at_limit])


def test_a_telephone_keeps_its_band() -> None:
    noise = np.random.default_rng(0).standard_normal(4 * RATE_HZ).astype(np.float32)
    frequencies, before = welch(noise, RATE_HZ, nperseg=512)
    _, after = welch(degraded("telephone", noise), RATE_HZ, nperseg=512)
    gain = 10 * np.log10(after / before)
    assert np.abs(gain[(frequencies > 600) & (frequencies < 2500)]).max() < 1
    outside = ((frequencies > 20) & (frequencies < 100)) | (frequencies > 6000)
    assert gain[outside].max() < -20


def test_mp3_changes_the_sound_a_little() -> None:
    found = degraded("mp3")
    shared = min(len(found), len(SPEECH))
    assert abs(len(found) - len(SPEECH)) < 0.2 * RATE_HZ
    assert power(found[:shared]) == pytest.approx(power(SPEECH), rel=0.2)


def test_an_echo_follows_a_click_and_falls_by_sixty_decibels() -> None:
    click = np.zeros(RATE_HZ, np.float32)
    click[1000] = 1
    found = degraded("reverberation 0.6 s", click)
    assert not found[:1000].any() or np.abs(found[:1000]).max() < 1e-5
    assert power(found) == pytest.approx(power(click), rel=1e-4)
    early, late = found[1001:1801], found[1000 + 9000 : 1000 + 9600]
    seconds = (9300 - 400) / RATE_HZ
    fall_db = 10 * np.log10(power(early) / power(late))
    assert fall_db == pytest.approx(60 * seconds / 0.6, abs=2)


def test_a_shift_puts_a_quarter_of_a_second_before() -> None:
    found = degraded("shift 0.25 s")
    assert not found[:4000].any() and np.array_equal(found[4000:], SPEECH)
