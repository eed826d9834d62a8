"""Emotion over time: windows, speech, tracks and pictures."""

import wave

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

import medusa
from medusa.errors import AudioError, DataError
from medusa.inference.audio_input import clip_of
from medusa.inference.cutting.blocks import resampled_blocks
from medusa.inference.cutting.options import CutOptions
from medusa.inference.cutting.windows import averaged, window_times
from medusa.inference.output.tracks import audacity, rttm, webvtt
from medusa.inference.prediction import Predicted
from medusa.inference.recordings import recordings_of
from medusa.tests.command_line import call


def test_windows_cover_a_recording_and_end_with_it():
    assert window_times(5.0, 2.0, 1.0) == [(0, 2), (1, 3), (2, 4), (3, 5)]
    assert window_times(4.5, 2.0, 1.0) == [(0, 2), (1, 3), (2, 4), (2.5, 4.5)]
    assert window_times(1.5, 2.0, 1.0) == [(0, 1.5)]


def test_the_mean_over_a_hop_is_that_of_a_fine_grid():
    rng = np.random.default_rng(0)
    whole = clip_of(np.zeros(47), 10)
    times = window_times(4.7, 2.0, 0.7)
    shares, moods = rng.dirichlet(np.ones(3), len(times)), rng.uniform(1, 7, (len(times), 3))
    rows = [
        (whole.piece(*pair), Predicted(shares[number], moods[number], None, ()))
        for number, pair in enumerate(times)
    ]
    result = averaged(whole, rows, 0.7)
    grid = (np.arange(47_000) + 0.5) / 10_000
    for part, mean in result:
        instants = grid[(grid >= part.start_s) & (grid < part.end_s)]
        # At each instant, each window that contains it counts one time.
        weights = [np.sum((instants >= start) & (instants < end)) for start, end in times]
        slow = np.average([one.posteriors for _, one in rows], axis=0, weights=weights)
        assert np.allclose(mean.posteriors, slow, atol=1e-3)
    assert [round(part.start_s, 6) for part, _ in result] == [0, 0.7, 1.4, 2.1, 2.8, 3.5, 4.2]
    assert result[-1][0].end_s == 4.7


def test_a_window_is_predicted_as_the_same_piece_in_a_file_of_its_own(trained, clips, tmp_path):
    model = medusa.load(trained / "runs" / "b")
    samples, rate = soundfile.read(clips[0], dtype="float32")
    frame = model.predict(clips[:1], cut=CutOptions(window_s=0.5, hop_s=0.5))
    assert frame["start"].tolist()[:2] == [0.0, 0.5]
    alone = model.predict_waveform(samples[: rate // 2], rate)
    columns = [f"p_{name}" for name in model.classes]
    assert np.allclose(frame[columns].iloc[0], alone[columns].iloc[0], atol=1e-5)
    clip = model.predict_waveform(np.stack([samples, samples], 1), rate)
    whole = model.predict(clips[:1])
    assert np.allclose(clip[columns], whole[columns], atol=1e-5)


def frame_of(*rows: tuple[str, float, float, str, float, str | None]) -> pd.DataFrame:
    names = ["path", "start", "end", "label", "confidence", "transcript"]
    return pd.DataFrame(rows, columns=names)


def test_tracks_follow_their_formats():
    frame = frame_of(
        ("a/b c.wav", 0.0, 1.5, "happy", 0.61, "so <good> & well"),
        ("a/b c.wav", 3661.25, 3662.0, "unsure", 0.3, None),
    )
    assert audacity(frame).decode() == (
        "0.000000\t1.500000\thappy 0.61\n3661.250000\t3662.000000\tunsure 0.30\n"
    )
    assert webvtt(frame).decode() == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nhappy (61%)\nso &lt;good&gt; &amp; well\n\n"
        "01:01:01.250 --> 01:01:02.000\nunsure (30%)\n"
    )
    fields = [line.split() for line in rttm(frame).decode().splitlines()]
    assert [len(one) for one in fields] == [10, 10]
    assert fields[0][:5] == ["SPEAKER", "b_c", "1", "0.000", "1.500"]
    assert fields[1][7] == "unsure"


def test_tracks_and_pictures_of_two_recordings_go_to_folders(trained, clips, tmp_path):
    words = ["predict", "b", *clips[:2], "--window-s", "0.5", "--format", "webvtt"]
    call(trained, *words, "-o", tmp_path / "tracks", "--plot", tmp_path / "pictures")
    names = sorted(f"{clip.stem}.vtt" for clip in clips[:2])
    assert sorted(path.name for path in (tmp_path / "tracks").iterdir()) == names
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 2
    call(trained, "predict", "b", clips[0], "--window-s", "0.5", "--plot", tmp_path / "one.svg")
    assert (tmp_path / "one.svg").read_bytes().startswith(b"<?xml")


def test_speech_is_cut_at_silences_and_no_speech_has_no_rows(trained, tmp_path, monkeypatch):
    """The detector is replaced by one that takes every frame above a level for speech."""
    import silero_vad

    from medusa.inference.cutting import speech

    class Loud:
        def reset_states(self):
            pass

        def __call__(self, frame, rate):
            return float(frame.abs().max() > 0.1)

    loud = Loud(), silero_vad.get_speech_timestamps_from_probs
    monkeypatch.setattr(speech, "_detector", lambda: loud)
    samples = np.zeros(10 * 22_050, np.float32)
    for start, end in ((1.0, 3.0), (3.2, 4.0), (6.0, 7.5)):  # A pause of 0.2 s ends nothing.
        samples[round(start * 22_050) : round(end * 22_050)] = 0.5
    soundfile.write(tmp_path / "x.wav", samples, 22_050)
    model = medusa.load(trained / "runs" / "b")
    frame = model.predict(tmp_path / "x.wav", cut=CutOptions(vad=True))
    times = frame[["start", "end"]].to_numpy()
    assert np.allclose(times, [[0.9, 4.1], [5.9, 7.6]], atol=0.04)
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    assert len(model.predict(tmp_path / "silent.wav", cut=CutOptions(vad=True))) == 0


def test_the_detector_finds_no_speech_in_silence_and_leaves_the_threads():
    from medusa.inference.cutting.speech import speech_times

    threads = torch.get_num_threads()
    silence = clip_of(np.zeros(32_000, np.float32), 16_000)
    assert speech_times(silence, CutOptions(vad=True)) == []
    assert torch.get_num_threads() == threads


def test_blocks_are_resampled_as_the_whole(tmp_path, monkeypatch):
    import soxr

    from medusa.inference.cutting import blocks

    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.1, (44_100 * 3 + 17, 2)).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", samples, 44_100, subtype="FLOAT")
    (recording,), problems = recordings_of([tmp_path / "x.wav"])
    assert not problems
    monkeypatch.setattr(blocks, "BLOCK_S", 0.37)
    parts = np.concatenate(list(blocks.resampled_blocks(recording)))
    whole = soxr.resample(samples.mean(1, dtype=np.float32), 44_100, 16_000, quality="HQ")
    assert abs(len(parts) - len(whole)) <= 1
    assert np.allclose(parts[: len(whole)], whole[: len(parts)], atol=1e-4)


def test_a_long_recording_must_be_cut(trained, tmp_path):
    with wave.open(str(tmp_path / "long.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 8000 * 601))
    model = medusa.load(trained / "runs" / "b")
    with pytest.raises(DataError, match=r"10\.0; cut it with --vad or --window-s"):
        model.predict(tmp_path / "long.wav")


def test_a_recording_that_is_damaged_in_its_middle_is_named(tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000)
    soundfile.write(tmp_path / "x.flac", noise, 16_000)
    data = bytearray((tmp_path / "x.flac").read_bytes())
    data[len(data) // 4 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 4)
    (tmp_path / "x.flac").write_bytes(data)
    recordings, problems = recordings_of([tmp_path / "x.flac"])
    assert problems == []
    with pytest.raises(AudioError, match=r"x\.flac: cannot be decoded: .*; replace the file"):
        list(resampled_blocks(recordings[0]))
