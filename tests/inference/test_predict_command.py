"""`medusa predict`: inputs, output formats, choices, and files that cannot be read."""

import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

import medusa
from medusa.errors import DataError
from medusa.tests.command_line import call, invoke


@pytest.fixture(scope="module")
def expected(trained: Path, clips: list[Path]) -> pd.DataFrame:
    import medusa

    return medusa.load(trained / "runs" / "b").predict(clips[:3])


def table(result) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(result.stdout))


def shares(frame: pd.DataFrame) -> np.ndarray:
    return frame.filter(like="p_").to_numpy(float)


def test_a_folder_a_csv_a_manifest_and_lines_are_the_same_recordings(
    trained, clips, expected, tmp_path
):
    chosen = sorted(clips[:3])
    expected = expected.set_index("path").loc[[str(one) for one in chosen]]
    (tmp_path / "wavs").mkdir()
    for clip in chosen:
        shutil.copy(clip, tmp_path / "wavs")
    names = [f"wavs/{clip.name}" for clip in chosen]
    pd.DataFrame({"file": names, "start": "", "end": ""}).to_csv(tmp_path / "t.csv", index=False)
    lines = "\n".join(map(str, chosen)) + "\n\n"
    for words, given in [
        ([tmp_path / "wavs"], None),
        ([tmp_path / "t.csv"], None),
        (["-"], lines),
        (list(chosen), None),
    ]:
        frame = table(call(trained, "predict", "b", *words, input=given))
        assert [Path(path).name for path in frame["path"]] == [clip.name for clip in chosen]
        assert np.allclose(shares(frame), shares(expected), atol=1e-5)
    manifest = table(call(trained, "predict", "b", trained / "manifest.parquet"))
    assert len(manifest) == 36


def test_a_recording_on_standard_input(trained, clips, expected):
    frame = table(call(trained, "predict", "b", "-", input=clips[0].read_bytes()))
    assert frame["path"].tolist() == ["-"]
    assert np.allclose(shares(frame), shares(expected.iloc[:1]), atol=1e-5)
    result = invoke(trained, "predict", "b", "-", input=b"\xff\xfe\x00 no sound")
    assert "standard input: expected paths" in str(result.exception)


@pytest.mark.parametrize("fault", ["truncated", "0 frames", "a rate of 1 Hz"])
def test_a_recording_on_standard_input_has_the_bounds_of_a_file(trained, clips, fault):
    samples, rate = soundfile.read(clips[0], dtype="int16")
    data, sound = clips[0].read_bytes(), io.BytesIO()
    if fault != "truncated":
        samples, rate = (samples, 1) if "rate" in fault else (samples[:0], rate)
        soundfile.write(sound, samples, rate, format="WAV")
    given = data[: len(data) // 2] if fault == "truncated" else sound.getvalue()
    message = str(invoke(trained, "predict", "b", "-", input=given).exception)
    assert "standard input: " in message and fault in message and "/recording" not in message


def test_a_damaged_store_of_another_backbone_does_not_stop_a_model(trained, tmp_path):
    shutil.copytree(trained / "features", tmp_path / "features")
    (other,) = (tmp_path / "features").glob("whisper*")
    (other / "spec.json").write_text("{")
    assert medusa.load(trained / "runs" / "b", workspace=tmp_path).classes
    with pytest.raises(DataError, match=r"found no whisper-\w+ \(.*spec\.json.*extract them again"):
        medusa.load(trained / "runs" / "a", workspace=tmp_path)


def test_a_segment_of_a_table_is_its_part_of_the_file(trained, clips, tmp_path):
    samples, rate = soundfile.read(clips[0], dtype="int16")
    soundfile.write(tmp_path / "part.wav", samples[rate // 2 : rate], rate)
    rows = f"path,start_s,end_s\n{clips[0]},0.5,1.0\npart.wav,,\n"
    (tmp_path / "t.csv").write_text(rows)
    frame = table(call(trained, "predict", "b", tmp_path / "t.csv"))
    assert frame[["start", "end"]].to_numpy().tolist() == [[0.5, 1.0], [0.0, 0.5]]
    assert np.allclose(shares(frame)[0], shares(frame)[1], atol=1e-5)


def test_every_format_has_the_same_values(trained, clips, expected, tmp_path):
    for name in ("x.csv", "x.jsonl", "x.parquet"):
        call(trained, "predict", "b", *clips[:3], "-o", tmp_path / name)
    frames = [
        pd.read_csv(tmp_path / "x.csv"),
        pd.DataFrame(map(json.loads, (tmp_path / "x.jsonl").read_text().splitlines())),
        pd.read_parquet(tmp_path / "x.parquet"),
    ]
    for frame in frames:
        assert list(frame.columns) == list(expected.columns)
        assert frame["label"].tolist() == expected["label"].tolist()
        assert np.allclose(shares(frame), shares(expected), atol=1e-5)


def test_an_audformat_table_is_read_by_audformat(trained, clips, expected, tmp_path):
    import audformat

    path = tmp_path / "db.emotion.csv"
    call(trained, "predict", "b", *clips[:3], "-o", path, "--format", "audformat")
    frame = pd.read_csv(path, index_col=["file", "start", "end"])
    index = audformat.segmented_index(
        frame.index.get_level_values("file"),
        pd.to_timedelta(frame.index.get_level_values("start")),
        pd.to_timedelta(frame.index.get_level_values("end")),
    )
    assert len(index) == 3
    assert np.allclose(index.get_level_values("end").total_seconds(), expected["end"])


def test_classes_are_renormalised_and_doubt_is_unsure(trained, clips, expected):
    frame = table(call(trained, "predict", "b", *clips[:3], "--classes", "sad,happy"))
    assert list(frame.filter(like="p_")) == ["p_sad", "p_happy"]
    both = expected[["p_sad", "p_happy"]].to_numpy()
    assert np.allclose(shares(frame), both / both.sum(1, keepdims=True), atol=1e-5)
    assert np.allclose(frame["confidence"], shares(frame).max(1))
    unsure = table(call(trained, "predict", "b", *clips[:3], "--threshold", "1"))
    assert set(unsure["label"]) == {"unsure"}
    sure = table(call(trained, "predict", "b", *clips[:3], "--threshold", "0.01"))
    assert sure["label"].tolist() == expected["label"].tolist()
    result = invoke(trained, "predict", "b", clips[0], "--classes", "sad,hapy")
    assert "did you mean 'happy'" in str(result.exception)


def test_bad_files_are_named_and_the_others_are_predicted(trained, clips, expected, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "cut.wav").write_bytes(clips[1].read_bytes()[:900])
    samples = np.array([0.1, np.nan] * 8000, np.float32)
    soundfile.write(tmp_path / "nan.wav", samples, 16_000, subtype="FLOAT")
    names = ("text.wav", "cut.wav", "nan.wav", "absent.wav", "absent.csv")
    bad = [tmp_path / name for name in names]
    result = invoke(trained, "predict", "b", bad[0], clips[0], *bad[1:], clips[1])
    message = str(result.exception)
    assert result.exit_code == 1 and "5 recordings have no prediction (the other 2" in message
    assert all(str(path) in message for path in bad)
    assert message.count("nan.wav") == 1
    assert np.allclose(shares(table(result)), shares(expected.iloc[:2]), atol=1e-5)


def test_a_head_that_reads_the_corpus_texts_takes_given_texts_or_transcribes(
    trained, clips, tmp_path
):
    rows = f"path,text\n{clips[0]},get out of here\n{clips[1]},\n"
    (tmp_path / "t.csv").write_text(rows)
    frame = table(call(trained, "predict", "c", tmp_path / "t.csv"))
    assert frame["transcript"][0] == "get out of here"
    manifest = table(call(trained, "predict", "c", trained / "manifest.parquet"))
    from medusa.heads.runs.run_dir import RunDir

    stored = RunDir(trained / "runs" / "c").predictions()
    known = dict(zip(stored.ids, stored.posteriors(), strict=True))
    wanted = [known[Path(path).stem] for path in manifest["path"]]
    assert np.allclose(shares(manifest), wanted, atol=1e-5)


def test_mistakes_are_found_before_the_work(trained, clips, tmp_path):
    for words, part in [
        (["nobody", clips[0]], "no run 'nobody'"),
        (["b", clips[0], "--hop-s", "1"], "--hop-s belongs to --window-s"),
        (["b", clips[0], "--vad", "--window-s", "1"], "exclude each other"),
        (["b", clips[0], "--window-s", "1", "--hop-s", "2"], "expected a window"),
        (["b", clips[0], "--set", "vad_threshold=2"], "vad_threshold=2"),
        (["b", clips[0], "--set", "wavml=x"], "did you mean 'wavlm'"),
        (["b", *clips[:2], "-o", tmp_path / "x.vtt"], "expected a folder"),
    ]:
        assert part in str(invoke(trained, "predict", *words).exception), words


def test_a_large_file_for_ffmpeg_is_copied_and_read_in_parts(trained, clips, tmp_path, monkeypatch):
    from medusa.inference import recordings
    from medusa.manifests import ffmpeg

    words = [ffmpeg.program(), "-v", "error", "-i", str(clips[0]), str(tmp_path / "x.m4a")]
    subprocess.run(words, check=True)
    whole = table(call(trained, "predict", "b", tmp_path / "x.m4a"))
    monkeypatch.setattr(recordings, "LARGE_BYTES", 0)
    monkeypatch.setattr(ffmpeg, "decode", None)
    copied = table(call(trained, "predict", "b", tmp_path / "x.m4a"))
    assert copied["path"].tolist() == [str(tmp_path / "x.m4a")]
    assert np.allclose(shares(copied), shares(whole), atol=1e-5)
    (tmp_path / "bad.m4a").write_bytes(b"no sound")
    result = invoke(trained, "predict", "b", tmp_path / "bad.m4a")
    assert "bad.m4a: not readable by ffmpeg" in str(result.exception)


def test_features_of_a_failed_recording_are_forgotten(trained, clips, tmp_path, monkeypatch):
    """A recording whose text fails has features of its sound; the next call must not read them."""
    import medusa
    from medusa.errors import MedusaError
    from medusa.extract.transcription.sink import TranscriptSink

    model = medusa.load(trained / "runs" / "a")
    good = model.predict(clips[1])
    keep = TranscriptSink.keep
    monkeypatch.setattr(TranscriptSink, "keep", lambda *rest: MedusaError("no text"))
    with pytest.raises(MedusaError, match="no text"):
        model.predict(clips[0])
    monkeypatch.setattr(TranscriptSink, "keep", keep)
    assert not any(one.buffer.held for one in model.pipeline.encoders[True].encoders)
    assert np.allclose(shares(model.predict(clips[1])), shares(good), atol=1e-5)
