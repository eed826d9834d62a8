"""Any rate and channel count in; what cannot be decoded is named."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from medusa.errors import AudioError
from medusa.extract.inputs.segments import Segment, check_content, read_segment
from medusa.manifests.audio import content_of, digest_of


def tone(hz: float, seconds: float, rate_hz: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    values = 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)
    return values.astype(np.float32)


def test_samples_come_back_as_they_are(tmp_path: Path) -> None:
    wave = tone(300, 0.5, 16000)
    soundfile.write(tmp_path / "a.wav", wave, 16000, subtype="FLOAT")
    read = read_segment(Segment(tmp_path / "a.wav", 0.0, 0.5), 16000)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, wave)


def test_stereo_8_khz_becomes_mono_16_khz(tmp_path: Path) -> None:
    """The mean of the channels, at twice the rate: the same tone up to the filter's edges."""
    left, right = tone(300, 1.0, 8000), tone(300, 1.0, 8000) * 0.2
    soundfile.write(tmp_path / "s.wav", np.stack([left, right], 1), 8000, subtype="FLOAT")
    read = read_segment(Segment(tmp_path / "s.wav", 0.0, 1.0), 16000)
    assert len(read) == 16000
    expected = tone(300, 1.0, 16000) * 0.6
    np.testing.assert_allclose(read[1000:-1000], expected[1000:-1000], atol=1e-3)


@pytest.mark.parametrize("rate_hz", [11025, 22050, 44100, 48000])
def test_a_tone_keeps_its_pitch(tmp_path: Path, rate_hz: int) -> None:
    soundfile.write(tmp_path / "t.flac", tone(1000, 1.0, rate_hz), rate_hz)
    read = read_segment(Segment(tmp_path / "t.flac", 0.0, 1.0), 16000)
    assert abs(len(read) - 16000) <= 1
    np.testing.assert_allclose(read[1000:15000], tone(1000, 1.0, 16000)[1000:15000], atol=2e-3)


def test_nothing_above_half_the_new_rate_survives(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "h.wav", tone(12000, 1.0, 48000), 48000)
    read = read_segment(Segment(tmp_path / "h.wav", 0.0, 1.0), 16000)
    assert np.abs(read[1000:-1000]).max() < 1e-3


def test_a_segment_is_the_middle_of_the_file(tmp_path: Path) -> None:
    wave = np.linspace(-1, 1, 16000, dtype=np.float32)
    soundfile.write(tmp_path / "m.wav", wave, 16000, subtype="FLOAT")
    read = read_segment(Segment(tmp_path / "m.wav", 0.25, 0.5), 16000)
    np.testing.assert_array_equal(read, wave[4000:12000])


def test_bad_files_are_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "whole.wav", tone(300, 1.0, 16000), 16000)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "whole.wav").read_bytes()[:20000])
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("not audio at all")
    values = tone(300, 1.0, 16000)
    values[5] = np.nan
    soundfile.write(tmp_path / "nan.wav", values, 16000, subtype="FLOAT")
    messages = {
        "cut.wav": "truncated",
        "empty.wav": "not readable as audio",
        "text.wav": "not readable as audio",
        "nan.wav": "not numbers",
        "absent.wav": "no such file",
    }
    for name, message in messages.items():
        with pytest.raises(AudioError, match=f"{name}: .*{message}"):
            read_segment(Segment(tmp_path / name, 0.0, 1.0), 16000)


def test_a_segment_beyond_the_file_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(300, 1.0, 16000), 16000)
    for start_s in (0.5, 3.0):
        with pytest.raises(AudioError, match=r"needs 1\.000 s .* the file has 1\.000 s"):
            read_segment(Segment(tmp_path / "a.wav", start_s, 1.0), 16000)


def test_a_changed_file_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(300, 1.0, 16000), 16000)
    segment = Segment(path, 0.0, 1.0)
    content = content_of(digest_of(path), 0.0, 1.0)
    check_content(segment, content)
    soundfile.write(path, tone(310, 1.0, 16000), 16000)
    with pytest.raises(AudioError, match="bytes have changed"):
        check_content(segment, content)
