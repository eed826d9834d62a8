"""Header facts, digests and segments of recordings; and what is wrong with broken ones."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from medusa.errors import AudioError
from medusa.manifests.audio import (
    AudioFacts,
    content_of,
    digest_of,
    each,
    facts_of,
    recording_of,
    segment_of,
)


def noise(path: Path, frames: int = 8000, rate: int = 8000, channels: int = 1) -> Path:
    sound = np.random.default_rng(0).normal(scale=0.1, size=(frames, channels))
    soundfile.write(path, sound, rate)
    return path


def cut(path: Path, share: float = 0.5) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg"])
def test_facts_of_stereo_at_8_khz(tmp_path: Path, ending: str) -> None:
    facts = facts_of(noise(tmp_path / f"a.{ending}", frames=12000, channels=2))
    assert facts == AudioFacts(frames=12000, rate_hz=8000, channels=2)
    assert facts.duration_s == 1.5


@pytest.mark.parametrize("ending", ["wav", "flac"])
@pytest.mark.parametrize("share", [0.2, 0.95])
def test_truncated_files_are_refused(tmp_path: Path, ending: str, share: float) -> None:
    path = cut(noise(tmp_path / f"a.{ending}"), share)
    with pytest.raises(
        AudioError, match=rf"a\.{ending}: truncated: .*copy the file again"
    ) as caught:
        facts_of(path)
    assert caught.value.kind == "truncated"


def test_a_truncated_wav_says_how_much_is_there(tmp_path: Path) -> None:
    path = noise(tmp_path / "a.wav")  # 44 bytes of header, 16000 of sound
    path.write_bytes(path.read_bytes()[: 44 + 4000])
    with pytest.raises(AudioError, match=r"16000 bytes of sound, but the file has 4000 \(25"):
        facts_of(path)


def test_a_wav_with_a_chunk_before_and_after_its_data_is_whole(tmp_path: Path) -> None:
    data = noise(tmp_path / "a.wav").read_bytes()
    note = b"note" + (3).to_bytes(4, "little") + b"abc\0"  # an odd size is padded
    path = tmp_path / "b.wav"
    path.write_bytes(data[:36] + note + data[36:] + note)
    assert facts_of(path).frames == 8000


def test_a_streamed_wav_with_unknown_size_is_whole(tmp_path: Path) -> None:
    data = noise(tmp_path / "a.wav").read_bytes()
    path = tmp_path / "b.wav"
    path.write_bytes(data[:40] + b"\xff\xff\xff\xff" + data[44:])
    assert facts_of(path).frames == 8000


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (None, "missing", "no such file"),
        (b"", "unreadable", r"not readable as audio \(0 bytes\)"),
        (b"<html>not found</html>", "unreadable", r"not readable as audio \(22 bytes\)"),
    ],
)
def test_missing_and_foreign_files(
    tmp_path: Path, content: bytes | None, kind: str, message: str
) -> None:
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError, match=message) as caught:
        facts_of(path)
    assert caught.value.kind == kind and str(path) in str(caught.value)


def test_a_wav_without_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="holds no sound"):
        facts_of(noise(tmp_path / "a.wav", frames=0))


def test_digest_of_a_file_longer_than_a_chunk(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000
    (tmp_path / "a").write_bytes(data)
    assert digest_of(tmp_path / "a") == hashlib.sha256(data).hexdigest()
    with pytest.raises(AudioError, match="cannot be read"):
        digest_of(tmp_path / "none")


def test_content_depends_on_bytes_start_and_duration_alone() -> None:
    one = content_of("ab", 0.0, 1.5)
    assert one == content_of("ab", 0, 1.5) == content_of("ab", np.float64(0), np.float64(1.5))
    assert len(one) == 32
    different = {one, content_of("ac", 0, 1.5), content_of("ab", 0.1, 1.5), content_of("ab", 0, 2)}
    assert len(different) == 4


def test_each_finds_all_problems_and_looks_once_at_each_file(tmp_path: Path) -> None:
    good, short = noise(tmp_path / "good.wav"), cut(noise(tmp_path / "short.wav"))
    gone = tmp_path / "gone.wav"
    looked = []
    found, problems = each(recording_of, [good, short, gone, good], lambda: looked.append(1))
    assert found == {good: recording_of(good)}
    assert {path: problem.kind for path, problem in problems.items()} == {
        short: "truncated",
        gone: "missing",
    }
    assert len(looked) == 3


def test_segments() -> None:
    facts = AudioFacts(frames=8000, rate_hz=4000, channels=1)  # 2 s
    nan = float("nan")
    assert segment_of("a", nan, nan, facts) == (0.0, 2.0)
    assert segment_of("a", 0.5, nan, facts) == (0.5, 1.5)
    assert segment_of("a", 0.5, 1.0, facts) == (0.5, 1.0)
    assert segment_of("a", 0.5, 1.505, facts) == (0.5, 1.5)  # rounded up in a table
    for start_s, duration_s in [(0.5, 1.6), (2.0, nan), (-0.1, 1.0), (0.0, 0.0)]:
        with pytest.raises(AudioError, match=r"a: the segment of .* is not inside its 2.000 s"):
            segment_of("a", start_s, duration_s, facts)
