"""`medusa transcribe`: against openai-whisper clip by clip, resumed, flagged."""

import json
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import soundfile
import torch

from medusa.errors import MedusaError
from medusa.extract.transcription import decoder as asr
from medusa.extract.transcription.decoder import Transcriber, Transcript, language_code
from medusa.manifests import Manifest
from medusa.manifests.texts import read_transcripts, texts_of
from medusa.tests.command_line import call, invoke

LENGTHS = (16000, 7001, 24321, 9000)
TOKENS = 6


def run(root: Path, *arguments: str) -> str:
    """Return stdout and stderr, or raise what the command raised."""
    return call(root, "transcribe", *arguments).output


@pytest.fixture(scope="module")
def talkative(checkpoint: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose decoder says words: its answers depend on what it hears."""
    held = torch.load(checkpoint("tiny.pt"), weights_only=True)
    state = held["model_state_dict"]
    torch.manual_seed(1)
    state["decoder.token_embedding.weight"][50257:] *= 1e-3  # no marks, no end
    state["decoder.positional_embedding"] *= 50
    state["decoder.ln.weight"] *= 8
    for name in ("query", "key", "value", "out"):
        state[f"decoder.blocks.0.cross_attn.{name}.weight"] *= 20
    path = tmp_path_factory.mktemp("whisper") / "talkative.pt"
    torch.save(held, path)
    return path


@pytest.fixture(scope="module")
def heard(talkative: Path) -> Callable[[Path], Any]:
    """Return a function: what openai-whisper itself decodes, one clip at a time."""
    import whisper

    model = whisper.load_model(str(talkative), device="cpu")
    asr._tokenizer(model)  # reads the vocabulary without its unclosed file

    def one(path: Path) -> Any:
        wave, _ = soundfile.read(path, dtype="float32")
        padded = torch.nn.functional.pad(torch.from_numpy(wave), (0, 32000 - len(wave)))
        options = whisper.DecodingOptions(
            language="en", sample_len=TOKENS, without_timestamps=True, fp16=False
        )
        return model.decode(whisper.log_mel_spectrogram(padded), options)

    return one


def test_a_batch_says_what_each_clip_alone_says(
    tmp_path: Path,
    workspace: Callable[..., Manifest],
    talkative: Path,
    heard: Callable[[Path], Any],
) -> None:
    manifest = workspace(LENGTHS)
    run(tmp_path, "--model", str(talkative), "--language", "english", f"--set=max_tokens={TOKENS}")
    table = read_transcripts(tmp_path / "transcripts/talkative.parquet")
    assert table["id"].tolist() == manifest.frame["id"].tolist()
    assert table["content"].tolist() == manifest.frame["content"].tolist()
    assert set(table["language"]) == {"en"}
    for index, row in table.iterrows():
        expected = heard(tmp_path / f"wav/u{index}.wav")
        assert row["text"] == expected.text
        for name in ("avg_logprob", "no_speech_prob", "compression_ratio"):
            assert math.isfinite(row[name])
            assert row[name] == pytest.approx(getattr(expected, name), rel=1e-3, abs=1e-6)
    assert (table["text"] != "").all()
    name, texts = texts_of(manifest, tmp_path / "transcripts")
    assert (name, texts.tolist()) == ("talkative", table["text"].tolist())


def test_a_second_run_hears_only_what_is_new(
    tmp_path: Path, workspace: Callable[..., Manifest], talkative: Path
) -> None:
    workspace(LENGTHS)
    given = ["--model", str(talkative), "--language", "en", f"--set=max_tokens={TOKENS}"]
    (row,) = json.loads(call(tmp_path, "transcribe", *given, "--split", "dev", "--json").stdout)
    assert row["utterances"] == 2
    part = read_transcripts(tmp_path / "transcripts/talkative.parquet")
    assert part["id"].tolist() == ["u0", "u2"]
    (row,) = json.loads(call(tmp_path, "transcribe", *given, "--json").stdout)
    assert row["utterances"] == 2
    table = read_transcripts(tmp_path / "transcripts/talkative.parquet")
    assert table["id"].tolist() == ["u0", "u1", "u2", "u3"]
    pd.testing.assert_frame_equal(table.iloc[[0, 2]].reset_index(drop=True), part)
    assert "it has all 4 utterances; there is nothing to do" in run(tmp_path, *given)


def test_another_model_or_option_does_not_mix_in(
    tmp_path: Path, workspace: Callable[..., Manifest], talkative: Path
) -> None:
    workspace((16000,))
    given = ["--model", str(talkative), f"--set=max_tokens={TOKENS}"]
    run(tmp_path, *given, "--language", "en")
    with pytest.raises(MedusaError, match=r"another language \(en, not de\).*--name.*--force"):
        run(tmp_path, *given, "--language", "de")
    run(tmp_path, *given, "--language", "de", "--name", "german")
    run(tmp_path, *given, "--language", "de", "--force")
    names = sorted(path.name for path in (tmp_path / "transcripts").glob("*.parquet"))
    assert names == ["german.parquet", "talkative.parquet"]
    (tmp_path / "transcripts/german.json").unlink()
    with pytest.raises(MedusaError, match="not written by `medusa transcribe`"):
        run(tmp_path, *given, "--language", "de", "--name", "german")


def test_bad_files_are_named_and_the_others_kept(
    tmp_path: Path, workspace: Callable[..., Manifest], talkative: Path
) -> None:
    workspace(LENGTHS)
    shutil.copy(tmp_path / "wav/u0.wav", tmp_path / "wav/u2.wav")
    given = ["--model", str(talkative), "--language", "en", f"--set=max_tokens={TOKENS}"]
    with pytest.raises(MedusaError, match=r"1 utterance has no transcript[^:]*:\n  u2: "):
        run(tmp_path, *given)
    table = read_transcripts(tmp_path / "transcripts/talkative.parquet")
    assert table["id"].tolist() == ["u0", "u1", "u3"]


def test_an_interruption_keeps_what_was_heard(
    tmp_path: Path,
    workspace: Callable[..., Manifest],
    talkative: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace(LENGTHS)
    encode = Transcriber.encode
    batches = []

    def twice(self: Transcriber, items: Sequence[Any]) -> Any:
        batches.append(len(items))
        if len(batches) == 3:
            raise KeyboardInterrupt
        return encode(self, items)

    monkeypatch.setattr(Transcriber, "encode", twice)
    given = ["--model", str(talkative), "--language", "en", f"--set=max_tokens={TOKENS}"]
    stopped = invoke(tmp_path, "transcribe", *given, "--set", "batch_seconds=2")
    assert stopped.exit_code != 0
    assert batches == [1, 1, 1]
    assert len(read_transcripts(tmp_path / "transcripts/talkative.parquet")) == 2
    monkeypatch.undo()
    (row,) = json.loads(call(tmp_path, "transcribe", *given, "--json").stdout)
    assert row["utterances"] == 2


def test_clips_longer_than_a_window_are_joined(talkative: Path) -> None:
    """The text of all windows; the confidence is the mean over all their tokens."""
    import whisper

    model = whisper.load_model(str(talkative), device="cpu")
    reader = Transcriber(model, "en", TOKENS, "cpu")
    wave = torch.randn(32000 + 8000, generator=torch.Generator().manual_seed(0)).numpy() * 0.1
    first, second, both = reader.encode(
        [reader.prepare(wave[:32000]), reader.prepare(wave[32000:]), reader.prepare(wave)]
    )
    assert isinstance(first, Transcript) and isinstance(second, Transcript)
    assert isinstance(both, Transcript)
    assert both.text == f"{first.text} {second.text}".strip()
    mean = (first.avg_logprob + second.avg_logprob) / 2  # both as long: TOKENS and the end
    assert both.avg_logprob == pytest.approx(mean, abs=1e-4)
    assert both.no_speech_prob == min(first.no_speech_prob, second.no_speech_prob)


def test_the_language_is_detected_clip_by_clip(
    tmp_path: Path, workspace: Callable[..., Manifest], talkative: Path
) -> None:
    workspace(LENGTHS[:2])
    run(tmp_path, "--model", str(talkative), f"--set=max_tokens={TOKENS}")
    table = read_transcripts(tmp_path / "transcripts/talkative.parquet")
    assert all(language_code(language) == language for language in table["language"])


def test_flags() -> None:
    def flags(
        text: str = "so", score: float = -0.2, silence: float = 0.0, ratio: float = 1.0
    ) -> Any:
        return Transcript(text, "en", score, silence, ratio).flags

    assert flags() == []
    assert flags(text="") == ["empty"]
    assert flags(ratio=2.5) == ["looping"]
    assert flags(score=-1.1) == ["low-confidence"]
    assert flags(silence=0.7, score=-1.1, text="") == ["empty", "low-confidence", "no-speech"]


def test_languages() -> None:
    assert [language_code(one) for one in ("de", "German", None)] == ["de", "de", None]
    with pytest.raises(MedusaError, match="did you mean 'german'"):
        language_code("germam")


def test_broken_probabilities_are_an_error(talkative: Path, tmp_path: Path) -> None:
    import whisper

    model = whisper.load_model(str(talkative), device="cpu")
    with torch.no_grad():
        model.decoder.positional_embedding.fill_(math.nan)
    reader = Transcriber(model, "en", TOKENS, "cpu")
    (found,) = reader.encode([reader.prepare(torch.zeros(16000).numpy())])
    assert isinstance(found, MedusaError) and "not numbers" in str(found)


@pytest.mark.parametrize("name", ["openai/tiny", "../manifest", ".x", "/tmp/x", "a b", "manifest"])
def test_names_that_are_no_names_of_a_table_are_refused(
    tmp_path: Path, workspace: Callable[..., Manifest], talkative: Path, name: str
) -> None:
    workspace((8000,))
    before = (tmp_path / "manifest.parquet").read_bytes()
    for force in ([], ["--force"]):
        with pytest.raises(MedusaError, match="--name "):
            run(tmp_path, "--model", str(talkative), "--name", name, *force)
    assert (tmp_path / "manifest.parquet").read_bytes() == before
    assert [path.name for path in tmp_path.rglob("*.parquet")] == ["manifest.parquet"]
