"""Sizes and lengths in the headers of recordings: cut files are refused, wrong sizes corrected."""

import io
import struct
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from medusa.errors import AudioError
from medusa.extract.inputs.segments import Segment, read_segment
from medusa.manifests import ffmpeg
from medusa.manifests.audio import facts_of
from medusa.manifests.audit.waveforms import loudness_of

Sound = npt.NDArray[np.float32]
RATE = 16000
WAVE: Sound = (0.3 * np.sin(np.arange(2 * RATE) / 12)).astype(np.float32)
FORMS = {"wav": "WAV", "wavex": "WAVEX", "rf64": "RF64", "w64": "W64", "aiff": "AIFF", "au": "AU",
         "sph": "NIST", "caf": "CAF", "voc": "VOC", "svx": "SVX"}  # fmt: skip


def written(path: Path, form: str, endian: str = "FILE", subtype: str = "PCM_16") -> bytes:
    soundfile.write(path, WAVE, RATE, format=form, subtype=subtype, endian=endian)
    return path.read_bytes()


def patched(path: Path, data: bytes, at: int, new: bytes) -> Path:
    path.write_bytes(data[:at] + new + data[at + len(new) :])
    return path


def samples(path: Path, start_s: float = 0.0) -> Sound:
    """Read a recording from a start to the end, by way of its header facts."""
    return read_segment(Segment(path, start_s, facts_of(path).duration_s - start_s), RATE)


def refused(path: Path) -> str:
    with pytest.raises(AudioError, match=r"truncated: .*copy the file again") as caught:
        facts_of(path)
    assert caught.value.kind == "truncated"
    return str(caught.value)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_whole_files_of_every_container(tmp_path: Path, form: str, subtype: str) -> None:
    if form in ("sph", "voc", "svx") and subtype == "FLOAT":
        return  # These containers hold whole numbers.
    written(tmp_path / "a", FORMS[form], subtype=subtype)
    np.testing.assert_allclose(samples(tmp_path / "a"), WAVE, atol=1e-4)


@pytest.mark.parametrize("form", [name for name in FORMS if name != "caf"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_cut_files_of_every_container_are_refused(tmp_path: Path, form: str, share: float) -> None:
    data = written(tmp_path / "a", FORMS[form])
    (tmp_path / "a").write_bytes(data[: int(len(data) * share)])
    assert "its header promises 64000 bytes of sound, but the file has" in refused(tmp_path / "a")


RARE = [  # The container, the kinds of samples, and the numbers of channels that it holds.
    *(("AVR", "PCM_16", 2), ("AVR", "PCM_S8", 1), ("MPC2K", "PCM_16", 2), ("WVE", "ALAW", 1)),
    *(("MAT4", "PCM_16", 2), ("MAT4", "DOUBLE", 1), ("MAT5", "PCM_16", 2), ("MAT5", "FLOAT", 1)),
    *(("SDS", "PCM_16", 1), ("SDS", "PCM_S8", 1), ("NIST", "ULAW", 2), ("SVX", "PCM_S8", 1)),
]


@pytest.mark.parametrize(("form", "subtype", "channels"), RARE)
@pytest.mark.parametrize("endian", ["FILE", "BIG"])
def test_cut_files_of_rare_containers_are_refused(
    tmp_path: Path, form: str, subtype: str, channels: int, endian: str
) -> None:
    if endian == "BIG" and form not in ("MAT4", "MAT5"):
        return
    wave, path = np.repeat(WAVE[:, None], channels, axis=1), tmp_path / "a"
    soundfile.write(path, wave, RATE, format=form, subtype=subtype, endian=endian)
    assert facts_of(path).frames == len(WAVE)
    whole = path.read_bytes()
    for share in (0.5, 0.95):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert "its header promises" in refused(path)


def test_cut_big_endian_and_ogg_files_are_refused(tmp_path: Path) -> None:
    data = written(tmp_path / "a", "WAV", endian="BIG")
    assert data[:4] == b"RIFX" and facts_of(tmp_path / "a").frames == len(WAVE)
    (tmp_path / "a").write_bytes(data[: len(data) // 2])
    assert "64000 bytes of sound" in refused(tmp_path / "a")
    noise = np.random.default_rng(0).normal(scale=0.2, size=20 * RATE)
    soundfile.write(tmp_path / "b.ogg", noise, RATE)
    assert facts_of(tmp_path / "b.ogg").frames == len(noise)
    data = (tmp_path / "b.ogg").read_bytes()
    (tmp_path / "b.ogg").write_bytes(data[: len(data) // 2])
    assert "its last page is missing" in refused(tmp_path / "b.ogg")


@pytest.mark.parametrize("form", ["wav", "wavex"])
@pytest.mark.parametrize(
    "size", [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFDB, 64000 + 44, 64000 + 8]
)
def test_sizes_that_a_streaming_writer_left_in_a_wav(tmp_path: Path, form: str, size: int) -> None:
    data = written(tmp_path / "a", FORMS[form])
    at = data.index(b"data") + 4
    path = patched(tmp_path / "a", data, at, struct.pack("<I", size))
    np.testing.assert_allclose(samples(path), WAVE, atol=1e-4)
    np.testing.assert_allclose(samples(path, 1.0), WAVE[RATE:], atol=1e-4)
    assert loudness_of(path, 0.0, 2.0).loudest_db == pytest.approx(-13.3, abs=0.1)


SIZES = [  # The container, a name in front of the size, the distance to it, its form, the sizes.
    ("rf64", b"ds64", 16, "<Q", (0, 2**63 - 1, 2**64 - 1)),
    ("w64", b"data", 16, "<Q", (0, 24, 2**64 - 1)),
    ("aiff", b"SSND", 4, ">I", (0, 8, 0x7FFFF000, 0xFFFFFFFF)),
    ("au", b".snd", 8, ">I", (0, 0x7FFFFFFF, 0xFFFFFFFF)),
    ("caf", b"data", 4, ">q", (0, -1)),
]


@pytest.mark.parametrize(("form", "name", "offset", "kind", "sizes"), SIZES)
def test_sizes_that_a_streaming_writer_left_elsewhere(
    tmp_path: Path, form: str, name: bytes, offset: int, kind: str, sizes: tuple[int, ...]
) -> None:
    data = written(tmp_path / "a", FORMS[form])
    for size in sizes:
        path = patched(tmp_path / "a", data, data.index(name) + offset, struct.pack(kind, size))
        found = samples(path)
        np.testing.assert_allclose(found[: len(WAVE)], WAVE, atol=1e-4)
        assert len(found) - len(WAVE) in (0, 1)  # An odd chunk may be padded.


# The container, its byte order, a name in front of the size, the distance to it, its form.
SIZED = [
    *(("WAV", "BIG", b"data", 4, ">I"), ("RF64", "FILE", b"ds64", 16, "<Q")),
    *(("W64", "FILE", b"data", 16, "<Q"), ("AIFF", "FILE", b"SSND", 4, ">I")),
    *(("AIFF", "LITTLE", b"SSND", 4, ">I"), ("AU", "FILE", b".snd", 8, ">I")),
    *(("AU", "LITTLE", b"dns.", 8, "<I"), ("CAF", "FILE", b"data", 4, ">q")),
    ("SVX", "FILE", b"BODY", 4, ">I"),
]


@pytest.mark.parametrize(("form", "endian", "name", "offset", "kind"), SIZED)
def test_sizes_that_are_wrong_in_every_byte_order(
    tmp_path: Path, form: str, endian: str, name: bytes, offset: int, kind: str
) -> None:
    data = written(tmp_path / "a", form, endian)
    at = data.index(name) + offset
    size = struct.unpack_from(kind, data, at)[0]
    for wrong in (size + 2, size + 8, size + 44, 0, 0x7FFFF000, 0xFFFFFFFF):
        found = samples(patched(tmp_path / "a", data, at, struct.pack(kind, wrong)))
        np.testing.assert_allclose(found[: len(WAVE)], WAVE, atol=1e-4)
        assert len(found) - len(WAVE) in (0, 1), wrong
    (tmp_path / "a").write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioError, match=r"truncated|malformed"):
        facts_of(tmp_path / "a")


@pytest.mark.parametrize("size", [0, 0xFFFFFF])
def test_unknown_sizes_in_voc(tmp_path: Path, size: int) -> None:
    path = patched(tmp_path / "a", written(tmp_path / "a", "VOC"), 27, size.to_bytes(3, "little"))
    np.testing.assert_allclose(samples(path), WAVE, atol=1e-4)


@pytest.mark.parametrize("count", ["0", "2147479552", "4294967295", "32004"])
def test_wrong_counts_of_samples_in_sphere(tmp_path: Path, count: str) -> None:
    data = written(tmp_path / "a", "NIST")
    head = data[:1024].replace(b"sample_count -i 32000", f"sample_count -i {count}".encode())
    (tmp_path / "a").write_bytes(head[:1024].ljust(1024, b"\0") + data[1024:])
    np.testing.assert_allclose(samples(tmp_path / "a"), WAVE, atol=1e-4)


INDEX_FIRST = ["-movflags", "faststart"]
BY_FFMPEG = {
    **{"a.m4a": INDEX_FIRST, "a.mov": INDEX_FIRST, "a.3gp": [*INDEX_FIRST, "-ar", "8000"]},
    **{"a.mp4": ["-movflags", "frag_keyframe+empty_moov"], "a.mkv": ["-live", "1"], "a.webm": []},
    **{"a.wma": [], "a.aac": [], "a.amr": ["-ar", "8000"]},
}


@pytest.mark.parametrize("name", BY_FFMPEG)
def test_cut_files_that_ffmpeg_reads_are_refused(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).normal(scale=0.2, size=3 * RATE)
    soundfile.write(tmp_path / "a.wav", noise, RATE)
    words = [ffmpeg.program(), "-nostdin", "-v", "error", "-i", str(tmp_path / "a.wav")]
    subprocess.run([*words, *BY_FFMPEG[name], str(tmp_path / name)], check=True)
    assert facts_of(tmp_path / name).duration_s == pytest.approx(3, abs=0.2)
    data = (tmp_path / name).read_bytes()
    for share in (0.5, 0.93):
        (tmp_path / name).write_bytes(data[: int(len(data) * share)])
        assert "truncated: ffmpeg reports " in refused(tmp_path / name)


def test_an_empty_wav_with_a_note_behind_it_holds_no_sound(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0), RATE)
    note = b"LIST" + struct.pack("<I", 100) + bytes(100)
    (tmp_path / "a.wav").write_bytes((tmp_path / "a.wav").read_bytes() + note)
    with pytest.raises(AudioError, match="holds no sound"):
        facts_of(tmp_path / "a.wav")


# mp3


def mp3(path: Path, mode: str, rate: int = RATE, channels: int = 1) -> bytes:
    """Write two seconds of noise and two of silence, whose bit rates differ by far."""
    noise = np.random.default_rng(0).normal(scale=0.2, size=(2 * rate, channels))
    sound = np.concatenate([noise, np.zeros_like(noise)])
    with soundfile.SoundFile(
        path, "w", rate, channels, format="MP3", bitrate_mode=mode, compression_level=0.5
    ) as file:
        file.write(sound)
    return path.read_bytes()


def decoded(data: bytes) -> Sound:
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        found: Sound = file.read(dtype="float32", always_2d=True)
    return found


ID3 = b"ID3\x03\0\0" + bytes([0, 0, 39, 8]) + bytes(5000)


def index_of(data: bytes) -> int:
    return max(data.find(b"Xing"), data.find(b"Info"))


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT", "AVERAGE"])
@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2), (8000, 1), (24000, 2)])
@pytest.mark.parametrize("tag", [b"", ID3])
def test_an_mp3_without_an_index_has_its_whole_length(
    tmp_path: Path, mode: str, rate: int, channels: int, tag: bytes
) -> None:
    data = mp3(tmp_path / "a.mp3", mode, rate, channels)
    second = data.index(data[:2], index_of(data))  # The frame behind the index.
    (tmp_path / "a.mp3").write_bytes(tag + data[second:] + b"TAG" + bytes(125))
    whole = decoded(data)
    facts = facts_of(tmp_path / "a.mp3")
    assert (facts.rate_hz, facts.channels) == (rate, channels)
    assert 0 <= facts.frames - len(whole) <= 3 * 1152  # The encoder's delay and padding.
    found = samples(tmp_path / "a.mp3")
    assert abs(len(found) - facts.frames * RATE / rate) <= 1
    loud = np.flatnonzero(np.abs(found) > 0.01)
    assert loud[-1] / RATE == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
@pytest.mark.parametrize("frames", [0, 10, 100_000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_an_index_with_a_wrong_number_of_frames_is_corrected(
    tmp_path: Path, mode: str, frames: int
) -> None:
    data = mp3(tmp_path / "a.mp3", mode)
    path = patched(tmp_path / "a.mp3", data, index_of(data) + 8, struct.pack(">I", frames))
    assert facts_of(path).frames == len(decoded(data)) == 4 * RATE
    np.testing.assert_allclose(samples(path), decoded(data)[:, 0], atol=1e-6)


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
@pytest.mark.parametrize("tag", [b"", ID3])
def test_an_mp3_with_a_right_index_is_read_as_before(tmp_path: Path, mode: str, tag: bytes) -> None:
    data = mp3(tmp_path / "a.mp3", mode)
    (tmp_path / "a.mp3").write_bytes(tag + data)
    np.testing.assert_allclose(samples(tmp_path / "a.mp3"), decoded(data)[:, 0], atol=1e-6)


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_a_cut_mp3_with_an_index_is_refused(tmp_path: Path, mode: str) -> None:
    data = mp3(tmp_path / "a.mp3", mode)
    (tmp_path / "a.mp3").write_bytes(ID3 + data[: len(data) // 2])
    assert "bytes of sound, but the file has" in refused(tmp_path / "a.mp3")


@pytest.mark.parametrize("data", [b"ID3", ID3, ID3 + b"\xff\xfb\x90", b"\xff\xfb\x90\0" * 3])
def test_bytes_that_only_begin_like_an_mp3_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.mp3").write_bytes(data)
    with pytest.raises(AudioError, match=r"not readable as audio|holds no sound"):
        facts_of(tmp_path / "a.mp3")


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers_are_not_said_to_be_silent(tmp_path: Path, odd: float) -> None:
    sound = WAVE.copy()
    sound[RATE] = odd
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    assert np.isnan(loudness_of(tmp_path / "a.wav", 0.0, 2.0).loudest_db)


def test_an_mp3_whose_length_nobody_knows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    written(path, "WAV")
    monkeypatch.setattr(soundfile.SoundFile, "frames", property(lambda sound: 2**63 - 1))
    with pytest.raises(AudioError, match="its length is unknown; replace the file"):
        facts_of(path)
