"""eGeMAPS through our door against openSMILE called on the file, and what lacks it."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from medusa.errors import MedusaError
from medusa.extract.backbones import describe, egemaps, family


def noise(samples: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (np.random.default_rng(0).standard_normal(samples) * 0.1).astype(np.float32)


def load(name: str) -> egemaps.Egemaps:
    backbone = describe(name)
    encoder = family(backbone.family).load(backbone, (0,), "cpu")
    assert isinstance(encoder, egemaps.Egemaps)
    return encoder


@pytest.mark.parametrize("name", ["egemaps", "egemaps-functionals"])
def test_equals_opensmile_on_the_file(name: str, tmp_path: Path) -> None:
    import opensmile

    soundfile.write(tmp_path / "a.wav", noise(16000), 16000, subtype="FLOAT")
    level = "LowLevelDescriptors" if name == "egemaps" else "Functionals"
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel[level])
    expected = smile.process_file(tmp_path / "a.wav").to_numpy()
    encoder = load(name)
    (found,) = encoder.encode([encoder.prepare(noise(16000))])
    values = found.values.numpy()
    if name == "egemaps":
        assert values.shape == (1, len(expected) // 2, 25)
        by_hand = [(expected[2 * i] + expected[2 * i + 1]) / 2 for i in range(len(expected) // 2)]
        np.testing.assert_allclose(values[0], by_hand, rtol=1e-5, atol=1e-5)
    else:
        np.testing.assert_array_equal(values[0], expected)


@pytest.mark.parametrize("name", ["egemaps", "egemaps-functionals"])
@pytest.mark.parametrize("peaks", [(1.0, -1.0), (1.0, 1.0), (1.7, -2.5), (0.99999, -1.00001)])
def test_peaks_at_and_above_full_scale_are_those_of_a_wav_of_16_bits(
    name: str, peaks: tuple[float, float]
) -> None:
    import opensmile

    sound = noise(16000)
    sound[[4000, 9000]] = peaks
    whole = np.clip(np.trunc(sound.astype(np.float64) * 32768), -32768, 32767).astype(np.int16)
    level = "LowLevelDescriptors" if name == "egemaps" else "Functionals"
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel[level])
    rows = smile.process_signal(whole.astype(np.float32) / 32768, 16000).to_numpy()
    expected = rows if name != "egemaps" else (rows[: len(rows) // 2 * 2 : 2] + rows[1::2]) / 2
    before = sound.copy()
    found = load(name).prepare(sound).values.numpy()[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(sound, before)


@pytest.mark.parametrize("samples", [1, 400, 959, 960])
def test_short_clips_are_padded_and_flagged(samples: int) -> None:
    found = load("egemaps-functionals").prepare(noise(samples))
    assert found.values.shape == (1, 1, 88)
    assert found.values.isfinite().all()
    assert found.flags == (("padded",) if samples < 960 else ())


def test_without_opensmile_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(MedusaError, match=r"research .*medusa-ser\[egemaps\]"):
        describe("egemaps")


def test_functionals_are_kept_in_float32() -> None:
    assert describe("egemaps-functionals").spec((0,), "none", None).dtype == "float32"
    assert describe("logmel").spec((0,), "none", None).dtype == "float16"
    assert describe("egemaps").spec((0,), "none", "float16").dtype == "float16"
