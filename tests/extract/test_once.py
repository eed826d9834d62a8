"""One pass of Whisper equals two: the same features, the same transcripts, half the encoding."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from medusa import cli
from medusa.cache import FeatureStore
from medusa.extract.asr import TranscribeError
from medusa.extract.backbones.whisper import WhisperEncoder
from medusa.extract.estimate import RoomError
from medusa.manifests import Manifest
from medusa.manifests.texts import read_transcripts

LENGTHS = (16000, 7001, 90000, 300)


def medusa(home: Path, *words: str) -> Any:
    return CliRunner().invoke(
        cli.medusa,
        ["--workspace", str(home), *words],
        catch_exceptions=False,
        standalone_mode=False,
    )


def store_of(home: Path) -> FeatureStore:
    (path,) = (home / "features").glob("*.zarr")
    return FeatureStore.open(path)


def test_one_pass_equals_two(
    tmp_path: Path,
    workspace: Callable[..., Manifest],
    checkpoint: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest = workspace(LENGTHS)
    model = str(checkpoint("whisper.pt"))
    medusa(
        tmp_path, "extract", "--backbone", "whisper", "--checkpoint", model, "--dtype", "float32"
    )
    medusa(tmp_path, "transcribe", "--model", model)
    contents = manifest.frame["content"].tolist()
    features = [store_of(tmp_path).read([one]).values.clone() for one in contents]
    table = read_transcripts(tmp_path / "transcripts" / "whisper.parquet")

    other = tmp_path / "other"
    other.mkdir()
    for name in ("manifest.parquet", "wav"):
        (other / name).symlink_to(tmp_path / name)
    words = ["extract", "--backbone", "whisper", "--checkpoint", model, "--dtype", "float32"]
    calls = []
    encode = WhisperEncoder.encode
    monkeypatch.setattr(WhisperEncoder, "encode", lambda *args: calls.append(1) or encode(*args))
    medusa(other, *words, "--transcribe")
    assert calls
    for content, expected in zip(contents, features, strict=True):
        found = store_of(other).read([content]).values
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    again = read_transcripts(other / "transcripts" / "whisper.parquet")
    assert again["text"].tolist() == table["text"].tolist()
    assert again["language"].tolist() == table["language"].tolist()
    np.testing.assert_allclose(again["avg_logprob"], table["avg_logprob"], atol=1e-4)

    calls.clear()
    medusa(other, *words, "--transcribe")
    assert not calls  # nothing to do


def test_only_what_is_missing_is_heard_again(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> None:
    workspace(LENGTHS)
    model = str(checkpoint("whisper.pt"))
    words = ["extract", "--backbone", "whisper", "--checkpoint", model]
    medusa(tmp_path, *words)
    digest = store_of(tmp_path).size_bytes()
    medusa(tmp_path, *words, "--transcribe", "--language", "en")
    assert len(read_transcripts(tmp_path / "transcripts" / "whisper.parquet")) == len(LENGTHS)
    assert store_of(tmp_path).size_bytes() == digest


def test_the_disk_is_looked_at_first(
    tmp_path: Path,
    workspace: Callable[..., Manifest],
    checkpoint: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace(LENGTHS)
    model = str(checkpoint("whisper.pt"))
    monkeypatch.setattr("medusa.extract.estimate.free_bytes", lambda folder: 1000)
    with pytest.raises(RoomError, match=f"{len(LENGTHS)} utterances need about"):
        medusa(tmp_path, "extract", "--backbone", "whisper", "--checkpoint", model, "--transcribe")


def test_only_whisper_can(tmp_path: Path, workspace: Callable[..., Manifest]) -> None:
    workspace(LENGTHS)
    with pytest.raises(TranscribeError, match="run `medusa transcribe`"):
        medusa(tmp_path, "extract", "--backbone", "logmel", "--transcribe")
