"""Odd and broken recordings: agreement with ffmpeg's own decoding, and a folder of bad files."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pandas as pd
import pytest
import soundfile

from medusa.cache import FeatureStore
from medusa.errors import AudioError
from medusa.extract.inputs.segments import Segment, read_segment
from medusa.manifests import LabelScheme, Manifest, ffmpeg
from medusa.manifests.audio import content_of, digest_of, facts_of, segment_of
from medusa.tests.extract.running import extract, plan_jobs
from medusa.workspace import Workspace

Wave = np.ndarray[Any, np.dtype[np.float32]]


def chirp(rate_hz: int, seconds: float = 1.0) -> Wave:
    """A tone that rises from 100 Hz to 3 kHz: below half of every rate tried."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    phase = 2 * np.pi * (100 * t + (3000 - 100) / (2 * seconds) * t**2)
    return (0.5 * np.sin(phase)).astype(np.float32)


def by_ffmpeg(path: Path) -> Wave:
    """The whole file as ffmpeg decodes, mixes and resamples it."""
    words = ["-nostdin", "-v", "error", "-i", str(path), "-af", "pan=mono|c0=.5*c0+.5*c1"]
    if facts_of(path).channels == 1:
        words = words[:-2]
    words += ["-ar", "16000", "-f", "f32le", "pipe:1"]
    done = subprocess.run([ffmpeg.program(), *words], capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.float32)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000])
def test_decoding_and_resampling_agree_with_ffmpeg(
    rate_hz: int, channels: int, tmp_path: Path
) -> None:
    wave = chirp(rate_hz)
    both = wave if channels == 1 else np.stack([wave, wave[::-1] * 0.3], 1)
    soundfile.write(tmp_path / "a.wav", both, rate_hz, subtype="PCM_24")
    found = read_segment(Segment(tmp_path / "a.wav", 0.0, 1.0), 16000)
    expected = by_ffmpeg(tmp_path / "a.wav")
    inside = slice(400, min(len(found), len(expected)) - 400)  # filters differ at the edges
    assert abs(len(found) - len(expected)) <= 32
    gap = found[inside] - expected[inside]
    assert np.sqrt(np.mean(gap**2)) < 5e-3 * np.sqrt(np.mean(expected[inside] ** 2))


@pytest.mark.parametrize("rate_hz", [16000, 22050, 44100])
def test_the_last_segment_ends_where_the_file_ends(rate_hz: int, tmp_path: Path) -> None:
    """Wherever it begins: by a slow count of the samples behind its first one."""
    path = tmp_path / "a.wav"
    total = rate_hz // 10 + 1
    soundfile.write(path, np.zeros(total, np.float32), rate_hz)
    facts = facts_of(path)
    for start_ms in range(1, 100):
        start_s, duration_s = segment_of(str(path), start_ms / 1000, float("nan"), facts)
        first = min(range(total), key=lambda sample: abs(sample / rate_hz - start_ms / 1000))
        found = read_segment(Segment(path, start_s, duration_s), rate_hz)
        assert abs(len(found) - (total - first)) <= 1
    with pytest.raises(AudioError, match="its manifest row needs"):
        read_segment(Segment(path, 0.0, (total + 2) / rate_hz), rate_hz)


@pytest.mark.parametrize(
    "name", ["a.m4a", "a.mp3", "a.ogg", "a.opus", "a.flac", "a.aiff", "a.webm"]
)
def test_every_common_format_is_heard(name: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", chirp(48000), 48000)
    convert = [ffmpeg.program(), "-nostdin", "-v", "error", "-i", str(tmp_path / "a.wav")]
    subprocess.run([*convert, str(tmp_path / name)], check=True)
    facts = facts_of(tmp_path / name)
    assert facts.duration_s == pytest.approx(1.0, abs=0.08)  # encoders add a little silence
    found = read_segment(Segment(tmp_path / name, 0.0, facts.duration_s), 16000)
    assert (
        np.corrcoef(np.abs(np.fft.rfft(found, 16000)), np.abs(np.fft.rfft(chirp(16000))))[0, 1]
        > 0.9
    )
    part = read_segment(Segment(tmp_path / name, 0.25, 0.5), 16000)
    np.testing.assert_allclose(part[500:-500], found[4500:11500], atol=0.02)


@pytest.fixture
def choose_ffmpeg() -> Iterator[None]:
    """Let the test choose its own ffmpeg."""
    ffmpeg.program.cache_clear()
    yield
    ffmpeg.program.cache_clear()


@pytest.mark.usefixtures("choose_ffmpeg")
def test_without_ffmpeg_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.m4a").write_bytes(b"anything")
    monkeypatch.setattr(shutil, "which", lambda program: None)

    def fail() -> str:
        raise RuntimeError("No ffmpeg exe could be found")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", fail)
    with pytest.raises(AudioError, match=r"a\.m4a: needs ffmpeg, .* apt install ffmpeg"):
        facts_of(tmp_path / "a.m4a")


@pytest.mark.usefixtures("choose_ffmpeg")
def test_the_systems_ffmpeg_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Path(ffmpeg.program()).is_relative_to(Path(imageio_ffmpeg.__file__).parent)
    ffmpeg.program.cache_clear()
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    assert ffmpeg.program() == str(tmp_path / "ffmpeg")


def test_a_video_without_sound_and_a_file_of_noise_are_refused(tmp_path: Path) -> None:
    picture = ["-f", "lavfi", "-i", "color=c=red:s=16x16:d=1", str(tmp_path / "mute.mp4")]
    subprocess.run([ffmpeg.program(), "-v", "error", *picture], check=True)
    with pytest.raises(AudioError, match=r"mute\.mp4: has no audio stream; replace the file"):
        facts_of(tmp_path / "mute.mp4")
    (tmp_path / "a.m4a").write_bytes(b"anything")
    with pytest.raises(AudioError, match=r"a\.m4a: not readable by ffmpeg: .*; replace the file"):
        facts_of(tmp_path / "a.m4a")


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_ffmpeg_keeps_rate_channels_and_samples(channels: int, tmp_path: Path) -> None:
    wave = np.random.default_rng(0).normal(scale=0.2, size=(1000, channels)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", wave, 22050, subtype="FLOAT")
    words = ["-v", "error", "-i", str(tmp_path / "a.wav"), "-c:a", "copy", str(tmp_path / "a.mkv")]
    subprocess.run([ffmpeg.program(), *words], check=True)
    samples, rate_hz = ffmpeg.decode(tmp_path / "a.mkv")
    assert rate_hz == 22050 and samples.dtype == np.float32
    np.testing.assert_array_equal(samples, wave)


def odd_files(root: Path) -> tuple[list[str], list[str]]:
    """Write 22 recordings; return the names of the good ones and of the bad ones."""
    wave = chirp(16000)
    good: dict[str, tuple[Any, int, str]] = {
        "plain.wav": (wave, 16000, "PCM_16"),
        "stereo.wav": (np.stack([wave, wave], 1), 16000, "PCM_16"),
        "six.wav": (np.stack([wave] * 6, 1), 16000, "PCM_16"),
        "deep.wav": (chirp(48000), 48000, "PCM_24"),
        "float.wav": (chirp(44100), 44100, "FLOAT"),
        "double.wav": (chirp(44100), 44100, "DOUBLE"),
        "slow.wav": (chirp(8000), 8000, "PCM_U8"),
        "fast.flac": (chirp(192000), 192000, "PCM_24"),
        "loud.wav": (wave * 4, 16000, "FLOAT"),
        "silent.wav": (wave * 0, 16000, "PCM_16"),
        "short.wav": (wave[:7], 16000, "PCM_16"),
        "späte Größe 😀.wav": (wave * 0.9, 16000, "PCM_16"),
        "ulaw.wav": (chirp(8000), 8000, "ULAW"),
    }
    for name, (values, rate_hz, subtype) in good.items():
        soundfile.write(root / name, values, rate_hz, subtype=subtype)
    whole = (root / "plain.wav").read_bytes()
    nan = wave.copy()
    nan[500] = np.nan
    soundfile.write(root / "nan.wav", nan, 16000, subtype="FLOAT")
    soundfile.write(root / "inf.wav", np.full(16000, np.inf), 16000, subtype="FLOAT")
    flac = (root / "fast.flac").read_bytes()
    for name, content in {
        "empty.wav": b"",
        "header.wav": whole[:44],
        "cut.wav": whole[:9000],
        "cut.flac": flac[: len(flac) // 2],
        "text.wav": b"this is not sound\n" * 100,
        "zeros.wav": bytes(5000),
        "other.m4a": b"\x00\x01" * 500,
    }.items():
        (root / name).write_bytes(content)
    (root / "folder.wav").mkdir()
    bad = ["nan.wav", "inf.wav", "empty.wav", "header.wav", "cut.wav", "cut.flac", "text.wav"]
    return list(good), [*bad, "zeros.wav", "other.m4a", "folder.wav", "absent.wav"]


def test_a_folder_of_odd_and_broken_files_is_worked_through(tmp_path: Path) -> None:
    good, bad = odd_files(tmp_path)
    rows = []
    for name in (*good, *bad):
        path = tmp_path / name
        seconds = facts_of(path).duration_s if name in good else 1.0
        digest = digest_of(path) if path.is_file() else name
        rows.append([name, name, 0.0, seconds, content_of(digest, 0.0, seconds)])
    frame = pd.DataFrame(rows, columns=["id", "path", "start_s", "duration_s", "content"])
    Manifest(frame, LabelScheme("two", ("a", "b")), root=tmp_path).write(
        tmp_path / "manifest.parquet"
    )
    (job,) = plan_jobs(Workspace.open(tmp_path), ["logmel"])
    outcome = extract(job, "cpu", 10.0)
    assert outcome.utterances == len(good)
    assert len(outcome.problems) == len(bad)
    for name in bad:
        (one,) = [problem for problem in outcome.problems if str(tmp_path / name) in problem]
        assert any(
            said in one for said in ("replace", "copy", "no such file", "no sound", "install")
        )
    store = FeatureStore.open(job.store)
    assert set(store.index.rows) == set(frame["content"][frame["id"].isin(good)])
    assert extract(job, "cpu", 10.0).utterances == 0  # nothing is done twice


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    """Six times the files, the same peak of the whole process within 10 %."""
    peaks = []
    for count in (200, 1200):
        home = tmp_path / str(count)
        home.mkdir()
        rows = []
        for index in range(count):
            path = home / f"{index}.wav"
            soundfile.write(path, np.random.default_rng(index).standard_normal(16000) * 0.1, 16000)
            rows.append([str(index), path.name, 0.0, 1.0, content_of(digest_of(path), 0.0, 1.0)])
        frame = pd.DataFrame(rows, columns=["id", "path", "start_s", "duration_s", "content"])
        manifest = Manifest(frame, LabelScheme("two", ("a", "b")), root=home)
        manifest.write(home / "manifest.parquet")
        peaks.append(peak_mb(home))
    assert peaks[1] < 1.1 * peaks[0]


def peak_mb(home: Path) -> float:
    """Return the largest resident size of `medusa extract --backbone logmel` in a workspace."""
    code = "import resource, sys; from medusa.cli import medusa; medusa(standalone_mode=False); "
    code += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)"
    words = ["--workspace", str(home), "extract", "--backbone", "logmel"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    assert "logmel" in done.stdout
    return float(done.stdout.split()[-1])
