"""Another language than expected is flagged; words have times, those of openai-whisper itself."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import whisper

from medusa.errors import MedusaError
from medusa.extract.checkpoints import whisper_files
from medusa.extract.transcription import decoder as asr
from medusa.extract.transcription.decoder import Transcriber, Transcript
from medusa.extract.transcription.policy import POLICIES
from medusa.extract.transcription.table import read_words
from medusa.extract.transcription.word_times import Word
from medusa.manifests import Manifest
from medusa.manifests.texts import read_transcripts
from medusa.tests.command_line import call

LENGTHS = (16000, 7001, 90000, 24321)
WINDOW = 32000  # samples, of the small random model


@pytest.fixture(scope="module")
def path(checkpoint: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model that says words, and whose choice of a language depends on the clip."""
    held = torch.load(checkpoint("words.pt"), weights_only=True)
    state = held["model_state_dict"]
    torch.manual_seed(1)
    state["decoder.token_embedding.weight"][50257:] *= 1e-3
    state["decoder.positional_embedding"] *= 50
    state["decoder.ln.weight"] *= 8
    for name in ("query", "key", "value", "out"):
        state[f"decoder.blocks.0.cross_attn.{name}.weight"] *= 20
    made = tmp_path_factory.mktemp("whisper") / "small.pt"
    torch.save(held, made)
    return made


@pytest.fixture
def any_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    """A random model is never sure."""
    monkeypatch.setattr(asr, "SURE", 0.0)


def spoken(path: Path, root: Path, count: int) -> list[str]:
    """Return what openai-whisper detects, clip by clip."""
    import soundfile

    model = whisper_files.read_model(str(path), "cpu")
    found = []
    for index in range(count):
        wave, _ = soundfile.read(root / f"wav/u{index}.wav", dtype="float32")
        first = np.pad(wave, (0, WINDOW))[:WINDOW]
        mel = whisper.log_mel_spectrogram(torch.from_numpy(first))
        _, shares = model.detect_language(mel, asr._tokenizer(model))
        found.append(max(shares, key=shares.get))
    return found


def test_a_language_that_was_not_asked_for_is_flagged(
    tmp_path: Path, workspace: Callable[..., Manifest], path: Path, any_guess: None
) -> None:
    workspace(LENGTHS)
    truth = spoken(path, tmp_path, len(LENGTHS))
    other = "en" if "en" not in truth else "de"
    for asked in (truth[0], other):
        given = ["--model", str(path), "--language", asked, "--set=max_tokens=6", "--name", asked]
        said = call(tmp_path, "transcribe", *given, "--json").output
        table = read_transcripts(tmp_path / "transcripts" / f"{asked}.parquet")
        assert set(table["language"]) == {asked}  # it is decoded in what was asked for
        wrong = ["language" in flags for flags in table["flags"]]
        assert wrong == [one != asked for one in truth]
        assert (f'"language": {sum(wrong)}' in said) == any(wrong)


def test_the_manifest_may_say_what_is_spoken(
    tmp_path: Path, workspace: Callable[..., Manifest], path: Path, any_guess: None
) -> None:
    manifest = workspace(LENGTHS)
    truth = spoken(path, tmp_path, len(LENGTHS))
    other = "en" if "en" not in truth else "de"
    manifest.frame["language"] = [f"{truth[0]}-XX", other, None, "a language of our own"]
    manifest.write(tmp_path / "manifest.parquet")
    call(tmp_path, "transcribe", "--model", str(path), "--set=max_tokens=6")
    table = read_transcripts(tmp_path / "transcripts/small.parquet")
    assert table["language"].tolist() == truth
    assert ["language" in flags for flags in table["flags"]] == [False, True, False, False]


def test_one_pass_flags_it_too(
    tmp_path: Path, workspace: Callable[..., Manifest], path: Path, any_guess: None
) -> None:
    workspace(LENGTHS)
    truth = spoken(path, tmp_path, len(LENGTHS))
    other = "en" if "en" not in truth else "de"
    given = ["--checkpoint", str(path), "--transcribe", "--set", f"language={other}"]
    call(tmp_path, "extract", "--backbone", "whisper", *given)
    table = read_transcripts(tmp_path / "transcripts/small.parquet")
    assert all("language" in flags for flags in table["flags"])


def test_a_guess_is_no_flag() -> None:
    assert asr._sure({"en": 0.4, "de": 0.35, "fr": 0.25}) is None
    assert asr._sure({"en": 0.4, "de": 0.6}) == "de"


def test_languages_as_corpora_write_them() -> None:
    names = ("de", "German", "de-DE", "zh_CN", "ENGLISH", "Klingon", "", None)
    expected = ["de", "de", "de", "zh", "en", None, None, None]
    assert [asr._code(one) for one in names] == expected


def test_what_becomes_of_another_language() -> None:
    def never(temperature: float) -> Transcript:
        raise AssertionError("another temperature hears no other language")

    words = (Word("so", 0.1, 0.3, 0.9),)
    found = Transcript("so", "en", -0.2, 0.0, 1.0, expected="en", detected="fr", words=words)
    assert found.flags == ["language"]
    assert replace(found, expected=None).flags == replace(found, detected=None).flags == []
    assert POLICIES["keep"](found, never) == POLICIES["retry"](found, never) == found
    blank = POLICIES["empty"](found, never)
    assert isinstance(blank, Transcript)
    assert (blank.text, blank.words) == ("", ())
    assert isinstance(POLICIES["drop"](found, never), MedusaError)


def test_words_are_those_of_openai_whisper(path: Path) -> None:
    """Against its aligner, called by itself on the one window there is."""
    from whisper.timing import find_alignment

    model = whisper_files.read_model(str(path), "cpu")
    reader = Transcriber(model, "en", 8, "cpu", words=True)
    wave = np.random.default_rng(3).standard_normal(24000).astype(np.float32) * 0.1
    item = reader.prepare(wave)
    (found,) = reader.encode([item])
    assert isinstance(found, Transcript) and found.words
    result = model.decode(item.whole[0], replace(reader.options, fp16=False))
    tokens = [one for one in result.tokens if one < reader.tokenizer.eot]
    aligned = find_alignment(model, asr._tokenizer(model, "en"), tokens, item.whole[0], 150)
    whole = "".join(one.word for one in aligned)
    assert "".join(whole.split()) == "".join("".join(one.word.split()) for one in found.words)
    # openai-whisper shortens overlong first and last words; it moves no word beyond its neighbours
    assert found.words[-1].end_s <= round(aligned[-1].end, 2) + 1e-6
    probabilities = {round(float(one.probability), 6) for one in aligned}
    assert {round(word.probability, 6) for word in found.words} <= probabilities
    times = [time for word in found.words for time in (word.start_s, word.end_s)]
    assert times == sorted(times) and times[0] >= 0 and times[-1] <= 1.5 + 1e-6


def test_words_of_later_windows_come_later(path: Path) -> None:
    model = whisper_files.read_model(str(path), "cpu")
    reader = Transcriber(model, "en", 6, "cpu", words=True)
    wave = np.random.default_rng(4).standard_normal(2 * WINDOW).astype(np.float32) * 0.1
    first, second, both = reader.encode(
        [reader.prepare(one) for one in (wave[:WINDOW], wave[WINDOW:], wave)]
    )
    assert isinstance(first, Transcript) and isinstance(second, Transcript)
    assert isinstance(both, Transcript)
    assert first.words and second.words and both.words
    assert [one.word for one in both.words] == [one.word for one in first.words + second.words]
    assert both.words[: len(first.words)] == first.words
    later = both.words[len(first.words) :]
    ends = [one.end_s - 2.0 for one in later]
    assert ends == pytest.approx([one.end_s for one in second.words], abs=0.011)


def test_words_are_kept_in_the_table(
    tmp_path: Path, workspace: Callable[..., Manifest], path: Path
) -> None:
    manifest = workspace(LENGTHS)
    given = ["transcribe", "--model", str(path), "--language=en", "--set=max_tokens=6"]
    call(tmp_path, *given, "--set=words=true", "--split", "dev")
    call(tmp_path, *given, "--set=words=true")
    table = tmp_path / "transcripts/small.parquet"
    frame = read_words(table)
    assert frame["id"].tolist() == manifest.frame["id"].tolist()
    for text, words in zip(frame["text"], frame["words"], strict=True):
        assert words and set(words[0]) == {"word", "start_s", "end_s", "probability"}
        assert "".join(text.split()) == "".join("".join(one["word"].split()) for one in words)
    assert "words" not in read_transcripts(table)  # others read the table as before
    with pytest.raises(MedusaError, match="another words"):
        call(tmp_path, *given)
    call(tmp_path, *given, "--name", "plain")
    with pytest.raises(MedusaError, match="has no words"):
        read_words(tmp_path / "transcripts/plain.parquet")
    pair = read_transcripts(tmp_path / "transcripts/plain.parquet")
    assert pair["text"].tolist() == frame["text"].tolist()
