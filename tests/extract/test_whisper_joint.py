"""One pass of Whisper equals two: the same features, the same transcripts, half the encoding."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from medusa.cache import FeatureStore
from medusa.errors import DataError, MedusaError
from medusa.extract.backbones import whisper
from medusa.extract.backbones.whisper import WhisperEncoder
from medusa.extract.checkpoints import whisper_files
from medusa.extract.encoders import Checkpoint, runner
from medusa.extract.transcription.decoder import Transcriber
from medusa.manifests import Manifest
from medusa.manifests.texts import read_transcripts
from medusa.tests.command_line import call

LENGTHS = (16000, 7001, 90000, 300)


@pytest.fixture
def model(workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]) -> str:
    """A small Whisper, and a corpus for it to hear in `tmp_path`."""
    workspace(LENGTHS)
    return str(checkpoint("whisper.pt"))


@pytest.fixture
def words(model: str) -> list[str]:
    return ["extract", "--backbone", "whisper", "--checkpoint", model]


def store_of(home: Path) -> FeatureStore:
    (path,) = (home / "features").glob("*.zarr")
    return FeatureStore.open(path)


def test_one_pass_equals_two(
    tmp_path: Path, model: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words += ["--set", "dtype=float32"]
    call(tmp_path, *words)
    call(tmp_path, "transcribe", "--model", model)
    contents = Manifest.read(tmp_path / "manifest.parquet").frame["content"].tolist()
    features = [store_of(tmp_path).read([one]).values.clone() for one in contents]
    table = read_transcripts(tmp_path / "transcripts" / "whisper.parquet")

    other = tmp_path / "other"
    other.mkdir()
    for name in ("manifest.parquet", "wav"):
        (other / name).symlink_to(tmp_path / name)
    calls = []
    encode = WhisperEncoder.encode
    monkeypatch.setattr(WhisperEncoder, "encode", lambda *args: calls.append(1) or encode(*args))
    call(other, *words, "--transcribe")
    assert calls
    for content, expected in zip(contents, features, strict=True):
        found = store_of(other).read([content]).values
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    again = read_transcripts(other / "transcripts" / "whisper.parquet")
    assert again["text"].tolist() == table["text"].tolist()
    assert again["language"].tolist() == table["language"].tolist()
    np.testing.assert_allclose(again["avg_logprob"], table["avg_logprob"], atol=1e-4)

    calls.clear()
    call(other, *words, "--transcribe")
    assert not calls  # nothing to do


def test_only_what_is_missing_is_heard_again(tmp_path: Path, words: list[str]) -> None:
    call(tmp_path, *words)
    digest = store_of(tmp_path).size_bytes()
    call(tmp_path, *words, "--transcribe", "--set", "language=en")
    assert len(read_transcripts(tmp_path / "transcripts" / "whisper.parquet")) == len(LENGTHS)
    assert store_of(tmp_path).size_bytes() == digest


def test_the_disk_is_looked_at_first(
    tmp_path: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medusa.extract.planning.room.free_bytes", lambda folder: 1000)
    with pytest.raises(MedusaError, match="the features need"):
        call(tmp_path, *words, "--transcribe")


def test_only_whisper_can(tmp_path: Path, workspace: Callable[..., Manifest]) -> None:
    workspace(LENGTHS)
    with pytest.raises(MedusaError, match="run `medusa transcribe`"):
        call(tmp_path, "extract", "--backbone", "logmel", "--transcribe")


@pytest.mark.parametrize("first", ["whisper,logmel", "logmel,whisper"])
def test_nothing_is_thrown_away_before_a_refusal(
    first: str, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(whisper.CHECKPOINTS, "whisper", Checkpoint(model))
    call(tmp_path, "extract", "--backbone", "whisper,logmel")
    call(tmp_path, "transcribe", "--model", model)
    marks = [path / "mark" for path in sorted((tmp_path / "features").iterdir())]
    for mark in marks:
        mark.touch()
    again = ["--transcribe", "--force", "--set", "language=de"]
    with pytest.raises(MedusaError, match="logmel has no decoder"):
        call(tmp_path, "extract", "--backbone", first, *again)
    with pytest.raises(DataError, match=r"another language.*leave --transcribe out") as caught:
        call(tmp_path, "extract", "--backbone", "whisper", *again)
    assert "--force" not in str(caught.value)
    assert [mark.exists() for mark in marks] == [True, True]
    call(tmp_path, "extract", "--backbone", "whisper", "--transcribe", "--force")
    assert [mark.exists() for mark in marks] == [True, False]  # logmel, whisper


def test_english_alone_is_refused_before_anything_is_thrown_away(
    tmp_path: Path, model: str, words: list[str]
) -> None:
    held = torch.load(model, weights_only=True)
    held["dims"]["n_vocab"] = 51864
    weights = held["model_state_dict"]
    weights["decoder.token_embedding.weight"] = weights["decoder.token_embedding.weight"][:51864]
    words[words.index(model)] = str(tmp_path / "base.en.pt")
    torch.save(held, tmp_path / "base.en.pt")
    call(tmp_path, *words)
    before = store_of(tmp_path).size_bytes()
    with pytest.raises(MedusaError, match="language de: this model transcribes only English"):
        call(tmp_path, *words, "--transcribe", "--force", "--set", "language=de")
    assert store_of(tmp_path).size_bytes() == before


def test_new_ids_of_old_audio_get_their_texts(tmp_path: Path, words: list[str]) -> None:
    manifest = Manifest.read(tmp_path / "manifest.parquet")
    call(tmp_path, *words, "--transcribe")
    before = read_transcripts(tmp_path / "transcripts" / "whisper.parquet")
    manifest.frame["id"] = [f"new-{name}" for name in manifest.frame["id"]]
    manifest.write(tmp_path / "manifest.parquet")
    call(tmp_path, *words, "--transcribe")
    table = read_transcripts(tmp_path / "transcripts" / "whisper.parquet").set_index("id")
    for row in before.itertuples():
        assert table.loc[f"new-{row.id}", "text"] == row.text


def test_half_precision_is_checked_here_too(
    tmp_path: Path, model: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the check's float32 pass is not what is transcribed."""
    words += ["--set", "precision=bf16", "--transcribe"]
    with monkeypatch.context() as patch, pytest.raises(MedusaError, match="precision=fp32"):
        patch.setattr(runner, "MAX_DIFFERENCE", 0.0)
        call(tmp_path, *words)
    decoded = []
    decode = Transcriber.decode
    monkeypatch.setattr(
        Transcriber, "decode", lambda *args: decoded.append(args[1:]) or decode(*args)
    )
    result = call(tmp_path, *words)
    assert "bf16: the first utterance's features differ from float32 by" in result.stderr
    network = whisper_files.read_model(model, "cpu")
    heard, items = decoded[0]
    mels = torch.cat([item.whole for item in items])
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(heard, network.encoder(mels).float(), rtol=0, atol=0.1)
    assert len(heard) == 6  # windows of 2 s
