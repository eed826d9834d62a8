"""`medusa extract` from a workspace to a store: complete, resumed, and clear about what fails."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

from medusa.cache import FeatureStore
from medusa.errors import MedusaError
from medusa.extract.backbones import describe, family
from medusa.manifests import Manifest
from medusa.manifests.texts import content_of, write_transcripts
from medusa.tests.command_line import call, invoke

LENGTHS = (16000, 7001, 300, 24321, 16000, 9000)


def only_store(root: Path) -> FeatureStore:
    (path,) = (root / "features").iterdir()
    return FeatureStore.open(path)


def test_every_utterance_has_its_own_features(
    tmp_path: Path,
    workspace: Callable[..., Manifest],
    checkpoint: Callable[[str], Path],
) -> None:
    """Joined by content: read back in another order, each is what its file alone gives."""
    manifest = workspace(LENGTHS)
    given = ["extract", "--backbone", "wavlm", "--checkpoint", str(checkpoint("wavlm"))]
    (row,) = json.loads(call(tmp_path, *given, "--set", "dtype=float32", "--json").stdout)
    assert (row["utterances"], row["failed"], row["flags"]) == (6, 0, {"padded": 1})
    assert row["frames"] == 49 + 21 + 1 + 75 + 49 + 27

    store = only_store(tmp_path)
    assert store.spec.layers == (2, 3, 4, 5) and store.spec.arrays == ("sum",)
    assert store.spec.folder == row["store"]
    backbone = describe("wavlm", str(checkpoint("wavlm")))
    encoder = family("ssl").load(backbone, store.spec.layers, "cpu")
    order = [4, 0, 5, 2, 1, 3]
    contents = manifest.frame["content"].iloc[order].tolist()
    for index, found in zip(order, store.read(contents).split(), strict=True):
        wave, _ = soundfile.read(tmp_path / f"wav/u{index}.wav", dtype="float32")
        (alone,) = encoder.encode([encoder.prepare(wave)])
        torch.testing.assert_close(found, alone.values.sum(0), rtol=0, atol=5e-5)


def test_layers_kept_apart_and_summed(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> None:
    manifest = workspace(LENGTHS)
    given = ["extract", "--backbone", "hubert", "--checkpoint", str(checkpoint("hubert"))]
    call(tmp_path, *given, "--layers", "all", "--reduce", "none", "--set", "dtype=float32")
    apart = only_store(tmp_path)
    assert apart.spec.arrays == tuple(f"layer_{layer}" for layer in range(6))
    call(tmp_path, *given, "--layers", "1,4-5", "--reduce", "mean")
    call(tmp_path, *given, "--layers", "-1")
    stores = {
        store.spec.layers: store
        for store in map(FeatureStore.open, (tmp_path / "features").iterdir())
    }
    contents = manifest.frame["content"].tolist()
    layers = [apart.read(contents, f"layer_{layer}").values for layer in range(6)]
    mean = stores[(1, 4, 5)].read(contents).values
    assert mean.dtype == torch.float16
    torch.testing.assert_close(mean, ((layers[1] + layers[4] + layers[5]) / 3).half())
    last = stores[(5,)]
    assert last.spec.arrays == ("layer_5",) and last.spec.reduce == "none"
    torch.testing.assert_close(last.read(contents).values, layers[5].half())


def test_a_second_run_does_nothing_and_force_redoes(
    tmp_path: Path, workspace: Callable[..., Manifest]
) -> None:
    workspace(LENGTHS)
    assert "logmel-" in call(tmp_path, "extract", "--backbone", "logmel").stdout
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "features").rglob("*")}
    result = call(tmp_path, "extract", "--backbone=logmel")
    assert "it has all 6 utterances of logmel; there is nothing to do" in result.stderr
    assert not result.stdout
    assert written == {path: path.stat().st_mtime_ns for path in written}
    call(tmp_path, "extract", "--backbone", "logmel", "--force")
    assert len(only_store(tmp_path)) == 6
    assert [path.name for path in (tmp_path / "features").iterdir()] == [
        only_store(tmp_path).path.name
    ]


def test_two_backbones_and_one_split(tmp_path: Path, workspace: Callable[..., Manifest]) -> None:
    workspace(LENGTHS)
    given = ["extract", "--backbone", "logmel,logmel128", "--split", "dev", "--json"]
    rows = json.loads(call(tmp_path, *given).stdout)
    assert [(row["backbone"], row["utterances"]) for row in rows] == [
        ("logmel", 3),
        ("logmel128", 3),
    ]
    with pytest.raises(MedusaError, match="one backbone at a time"):
        call(tmp_path, *given, "--checkpoint", "x")


def test_a_backbone_may_get_another_name(
    tmp_path: Path, workspace: Callable[..., Manifest]
) -> None:
    """The name is a label: the digest is of what the features are."""
    workspace((8000,))
    call(tmp_path, "extract", "--backbone", "logmel", "--as", "mel-80")
    store = only_store(tmp_path)
    assert (store.spec.backbone, store.path.name[:7]) == ("mel-80", "mel-80-")
    call(tmp_path, "extract", "--backbone", "logmel")
    digests = {path.name[-13:-5] for path in (tmp_path / "features").iterdir()}
    assert digests == {store.spec.digest[:8]}
    with pytest.raises(MedusaError, match=r"--as 'a/b': expected one word"):
        call(tmp_path, "extract", "--backbone", "logmel", "--as", "a/b")


def test_bad_files_are_named_and_the_others_kept(
    tmp_path: Path, workspace: Callable[..., Manifest]
) -> None:
    workspace(LENGTHS)
    whole = (tmp_path / "wav/u1.wav").read_bytes()
    (tmp_path / "wav/u1.wav").write_bytes(whole[:9000])
    (tmp_path / "wav/u4.wav").unlink()
    with pytest.raises(MedusaError) as caught:
        call(tmp_path, "extract", "--backbone", "logmel")
    message = str(caught.value)
    assert "2 utterances have no features (the others are stored)" in message
    assert "u1: " in message and "u1.wav: truncated" in message
    assert "u4.wav: no such file" in message
    assert len(only_store(tmp_path)) == 4

    (tmp_path / "wav/u1.wav").write_bytes(whole)
    with pytest.raises(MedusaError, match=r"1 utterance[^:]*:\n  u4: .*no such file"):
        call(tmp_path, "extract", "--backbone", "logmel")
    assert len(only_store(tmp_path)) == 5


def test_an_error_becomes_one_message_and_exit_code_1(
    tmp_path: Path, workspace: Callable[..., Manifest]
) -> None:
    workspace(LENGTHS)
    (tmp_path / "wav/u4.wav").unlink()
    code = "import sys; from medusa.cli import main; main()"
    command = [sys.executable, "-c", code, "--workspace", str(tmp_path)]
    done = subprocess.run(
        [*command, "extract", "--backbone", "logmel"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.count("medusa: 1 utterance has no features") == 1
    assert "Traceback" not in done.stderr


def test_a_replaced_file_is_refused(tmp_path: Path, workspace: Callable[..., Manifest]) -> None:
    workspace((8000, 8000))
    (tmp_path / "wav/u0.wav").write_bytes((tmp_path / "wav/u1.wav").read_bytes())
    with pytest.raises(MedusaError, match=r"u0\.wav: this is not the file that was imported"):
        call(tmp_path, "extract", "--backbone", "logmel")


def test_rows_without_audio_are_left_out_and_said(
    tmp_path: Path, workspace: Callable[..., Manifest]
) -> None:
    manifest = workspace((8000, 8000, 8000))
    manifest.frame.loc[1, ["path", "content", "start_s", "duration_s"]] = None
    manifest.write(tmp_path / "manifest.parquet")
    result = call(tmp_path, "extract", "--backbone", "logmel")
    assert result.stderr.count("1 of 3 rows have no audio: u1; they are left out") == 1
    assert set(only_store(tmp_path).index.rows) == set(manifest.frame["content"].drop(1))


def test_rows_that_cannot_be_transcribed_are_left_out_of_text(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> None:
    manifest = workspace((8000, 8000, 8000))
    heard = manifest.frame[["id", "content"]].assign(text="so", language="en")
    heard[["avg_logprob", "no_speech_prob", "compression_ratio"]] = 0.0
    heard["flags"] = [[] for _ in heard["id"]]
    write_transcripts(tmp_path / "transcripts" / "tiny.parquet", heard.drop(1))
    words = ["extract", "--backbone", "auto", "--checkpoint", checkpoint("roberta")]
    result = invoke(tmp_path, *words)  # there is audio: it can be transcribed
    assert "1 utterance has no text in 'tiny': u1; run `medusa transcribe`" in str(result.exception)
    manifest.frame.loc[1, ["path", "content", "start_s", "duration_s"]] = None
    manifest.write(tmp_path / "manifest.parquet")
    result = call(tmp_path, *words)
    assert "1 of 3 rows have no audio and so no text in 'tiny': u1; they are" in result.stderr
    assert set(only_store(tmp_path).index.rows) == {content_of("so")}


def test_a_corpus_without_any_audio_is_refused(
    tmp_path: Path, workspace: Callable[..., Manifest]
) -> None:
    manifest = workspace((8000, 8000))
    manifest.frame[["path", "content"]] = None
    manifest.write(tmp_path / "manifest.parquet")
    with pytest.raises(MedusaError, match="2 of 2 rows have no audio: u0, u1; extract a text"):
        call(tmp_path, "extract", "--backbone", "logmel")
    assert not (tmp_path / "features").exists()


def test_long_rows_are_refused(tmp_path: Path, workspace: Callable[..., Manifest]) -> None:
    manifest = workspace((8000, 8000))
    manifest.frame.loc[0, "duration_s"] = 600.5
    manifest.write(tmp_path / "manifest.parquet")
    with pytest.raises(MedusaError, match="longer than 10 minutes: u0"):
        call(tmp_path, "extract", "--backbone", "logmel")


def test_a_hub_checkpoint_is_its_commit_and_taken_from_the_cache(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> None:
    """`medusa extract --backbone wavlm` as written, with the hub's cache laid out by hand."""
    workspace((8000,))
    commit = "c1423ed94bb01d80a3f5ce5bc39f6026a0f4828c"
    cached = tmp_path / "hub" / "models--microsoft--wavlm-large"
    shutil.copytree(checkpoint("wavlm"), cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    code = "from medusa.cli import main; main()"
    command = [sys.executable, "-c", code, "--workspace", str(tmp_path)]
    environment = os.environ | {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [*command, "extract", "--backbone", "wavlm"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "wavlm: loading the model\nnext: " in done.stderr
    spec = only_store(tmp_path).spec
    assert (spec.checkpoint, spec.revision) == ("microsoft/wavlm-large", commit)


def test_the_same_audio_twice_is_stored_once(
    tmp_path: Path, workspace: Callable[..., Manifest]
) -> None:
    manifest = workspace((8000, 8000))
    manifest.frame.loc[1, ["path", "content"]] = manifest.frame.loc[0, ["path", "content"]]
    manifest.write(tmp_path / "manifest.parquet")
    call(tmp_path, "extract", "--backbone", "logmel")
    assert len(only_store(tmp_path)) == 1


def test_overflow_is_named_not_stored(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> None:
    manifest = workspace((8000, 9000))
    loud = tmp_path / "loud"
    loud.mkdir()
    for name in ("config.json", "preprocessor_config.json"):
        (loud / name).write_bytes((checkpoint("wavlm") / name).read_bytes())
    weights = load_file(checkpoint("wavlm") / "model.safetensors")
    weights["encoder.layer_norm.weight"] *= 1e6
    save_file(weights, loud / "model.safetensors", metadata={"format": "pt"})
    given = ["extract", "--backbone", "wavlm", "--checkpoint", str(loud), "--layers", "-1"]
    with pytest.raises(MedusaError, match=r"u0 \(.*u0.wav\): .*not finite as float16.*float32"):
        call(tmp_path, *given)
    assert len(only_store(tmp_path)) == 0
    (row,) = json.loads(call(tmp_path, *given, "--set", "non_finite=clamp", "--json").stdout)
    assert row["flags"] == {"clamped": 2}
    assert only_store(tmp_path).read(manifest.frame["content"]).values.abs().max() == 65504


def test_a_full_disk_ends_the_run(
    tmp_path: Path, workspace: Callable[..., Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no fault of one utterance: going on would lose the others one by one."""
    from medusa.cache import writer

    def full(path: Path, *parts: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    workspace(LENGTHS)
    call(tmp_path, "extract", "--backbone", "logmel", "--split", "dev")
    monkeypatch.setattr(writer, "write_durably", full)
    with pytest.raises(MedusaError, match="the disk is full"):
        call(tmp_path, "extract", "--backbone", "logmel")
    monkeypatch.undo()
    assert len(only_store(tmp_path)) == 3
    call(tmp_path, "extract", "--backbone", "logmel")
    assert len(only_store(tmp_path)) == 6


def test_texts_by_their_content(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> None:
    texts = ["oh well", "", "Eis " * 50, "oh well"]
    workspace((8000, 8000, 8000, 8000), texts=texts)
    given = ["extract", "--backbone", "roberta", "--checkpoint", str(checkpoint("roberta"))]
    (row,) = json.loads(call(tmp_path, *given, "--json").stdout)
    assert (row["utterances"], row["hours"]) == (3, None)
    assert row["flags"] == {"empty": 1, "truncated": 1}
    store = only_store(tmp_path)
    assert store.spec.frame_shift_s is None
    contents = [content_of(text) for text in texts]
    assert store.read(contents).lengths.tolist()[1:3] == [1, 36]


def test_missing_texts_are_named(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> None:
    workspace((8000, 8000), texts=[None, None])
    with pytest.raises(MedusaError, match="no text in 'manifest': u0, u1; run `medusa transcribe`"):
        call(tmp_path, "extract", "--backbone=roberta", f"--checkpoint={checkpoint('roberta')}")


@pytest.mark.parametrize("with_audio", [True, False])
def test_rows_whose_own_text_is_blank_are_left_out(
    tmp_path: Path,
    workspace: Callable[..., Manifest],
    checkpoint: Callable[[str], Path],
    with_audio: bool,
) -> None:
    manifest = workspace((8000, 8000, 8000), texts=["oh well", None, "so"])
    if not with_audio:
        manifest.frame[["path", "content", "start_s", "duration_s"]] = None
        manifest.write(tmp_path / "manifest.parquet")
    model = checkpoint("roberta")
    result = call(tmp_path, "extract", "--backbone", "roberta", "--checkpoint", model)
    assert "1 of 3 rows have no text in 'manifest': u1; they are left out here" in result.stderr
    assert set(only_store(tmp_path).index.rows) == {content_of("oh well"), content_of("so")}


def test_devices_that_are_not_here(tmp_path: Path, workspace: Callable[..., Manifest]) -> None:
    workspace((8000,))
    cases = {"cudda": "expected one of auto.*did you mean 'cuda'", "cuda:99": "not usable here"}
    for device, message in cases.items():
        with pytest.raises(MedusaError, match=f"--device {device}: {message}"):
            call(tmp_path, "extract", "--backbone", "logmel", "--device", device)


SLOWLY = """
import sys, time
import medusa.cache.writer
from medusa.cli import main
from medusa.extract.backbones.logmel import Logmel
medusa.cache.writer.COMMIT_EVERY_S = 0
encode = Logmel.encode
Logmel.encode = lambda self, items: (time.sleep(0.05), encode(self, items))[1]
main()
"""


def test_killed_and_continued_equals_uninterrupted(
    tmp_path: Path, workspace: Callable[..., Manifest]
) -> None:
    """SIGKILL after two commits; the next run adds what is missing and changes nothing else."""
    manifest = workspace([4000 + 100 * index for index in range(60)])
    given = ["extract", "--backbone", "logmel", "--set", "batch_seconds=1"]
    features = tmp_path / "features"
    process = subprocess.Popen([sys.executable, "-c", SLOWLY, "--workspace", str(tmp_path), *given])
    deadline = time.monotonic() + 120
    while len(list(features.glob("*/index/0*.parquet"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    contents = manifest.frame["content"].tolist()
    done = len(only_store(tmp_path))
    assert 0 < done < 60

    (row,) = json.loads(call(tmp_path, *given, "--json").stdout)
    assert row["utterances"] == 60 - done
    continued = only_store(tmp_path)
    found = continued.read(contents)
    call(tmp_path, *given, "--force")
    fresh = only_store(tmp_path).read(contents)
    assert torch.equal(found.lengths, fresh.lengths)
    assert torch.equal(found.values, fresh.values)
