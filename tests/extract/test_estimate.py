"""The plan against the arithmetic, and against what is then really on the disk."""

import json
from dataclasses import replace

import numpy as np
import pytest

from medusa.cache import FeatureSpec, StoreWriter
from medusa.cache.layout import store_bytes
from medusa.errors import DataError, MedusaError
from medusa.extract.encoders.encoder import Backbone
from medusa.extract.planning.estimate import CorpusSize, estimate_of
from medusa.tests.command_line import call, invoke
from medusa.tests.extract.running import extract, plan_jobs
from medusa.workspace import Workspace


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8"])
@pytest.mark.parametrize("layers", [(1,), (1, 2, 5)])
def test_the_plan_is_what_is_written(tmp_path, dtype, layers):
    spec = FeatureSpec("toy", "toy", "local", "1", "audio", layers, "none", dtype, 32, 0.02, {})
    lengths = np.random.default_rng(0).integers(20, 600, 400)
    with StoreWriter(tmp_path / "s", spec) as writer:
        for number, length in enumerate(lengths):
            values = np.zeros((len(layers), length, 32), np.float32)
            writer.append(f"{number:032x}", values)
    there = sum(path.stat().st_size for path in (tmp_path / "s").rglob("*") if path.is_file())
    assert sum(store_bytes(spec, lengths).values()) == pytest.approx(there, rel=0.03)


def test_msp_podcast_by_hand():
    # METHOD: 50 frames/s x width x 2 bytes; 116,221 utterances, 324 h
    corpus = CorpusSize.of_size(116_221, 324)
    assert len(corpus.seconds) == corpus.count == 116_221 and corpus.all_s == pytest.approx(
        324 * 3600
    )
    for name, width in (("wavlm", 1024), ("hubert", 1024), ("whisper", 1280)):
        planned = estimate_of(corpus, name)
        assert planned.bytes == pytest.approx(324 * 3600 * 50 * width * 2, rel=0.01)
        assert planned.spec.width == width and len(planned.spec.arrays) == 1
        assert "published size" in planned.notes[0]


@pytest.mark.parametrize(
    ("family", "seconds", "expected"),
    # 400 samples of receptive field, then one frame each 320; log-mel and Whisper begin at once
    [
        ("ssl", 0.01, 1),
        ("ssl", 0.025, 1),
        ("ssl", 0.045, 2),
        ("ssl", 1.0, 49),
        ("whisper", 1.0, 50),
    ],
)
def test_frames(family, seconds, expected):
    assert backbone(family).frames(seconds) == expected


def backbone(family, **changes):
    made = Backbone("toy", family, "", "", "", "audio", 1, 8, 0.02, 16000, "last", {})
    receptive = {"receptive_s": 400 / 16000} if family == "ssl" else {}
    return replace(made, **receptive, **changes)


@pytest.mark.parametrize(("pool", "expected"), [(1, 49), (2, 25), (4, 13)])
def test_pooled_frames(pool, expected):
    pooled = backbone("ssl", frame_shift_s=0.02 * pool, preprocessing={"pool": pool})
    assert pooled.frames(1.0) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(1.0, 1500), (30.0, 1500), (30.1, 3000)])
def test_whisper_as_published_keeps_whole_windows(seconds, expected):
    like = {"like": "medusa-published"}
    assert backbone("whisper", preprocessing=like, least_s=30.0).frames(seconds) == expected


def test_functionals_are_one_frame():
    assert backbone("egemaps", frame_shift_s=None).frames(60.0) == 1


@pytest.mark.parametrize(
    "choices", [{"average_frames": 2}, {"average_frames": 4}, {"like": "medusa-published"}]
)
def test_the_room_looked_for_is_the_room_taken(tmp_path, workspace, checkpoint, choices):
    workspace((16000, 7001, 90000))
    model = str(checkpoint("whisper.pt"))
    (job,) = plan_jobs(Workspace.open(tmp_path), ["whisper"], model, **choices)
    there = extract(job, "cpu", 40.0).frames
    assert sum(job.backbone.frames(one.seconds) for one in job.utterances) == there


def test_a_plan_for_speech_reads_no_texts(tmp_path, workspace):
    """Several tables of transcripts are no obstacle where nothing reads them."""
    workspace((16000, 24000))
    for name in ("one", "two"):
        (tmp_path / "transcripts").mkdir(exist_ok=True)
        (tmp_path / f"transcripts/{name}.parquet").write_bytes(b"")
    done = call(tmp_path, "plan", "--backbone", "logmel", "--json")
    assert json.loads(done.stdout)["arrays"][0]["frames"] == 50 + 75
    done = invoke(tmp_path, "plan", "--backbone", "logmel,roberta")
    assert isinstance(done.exception, DataError) and "--text NAME" in str(done.exception)


def test_the_command_plans_without_a_manifest_and_refuses_what_does_not_fit(tmp_path):
    words = ["plan", "--backbone", "wavlm"]
    done = call(tmp_path, *words, "--utterances", "100", "--hours", "1", "--json")
    facts = json.loads(done.stdout)
    assert facts["bytes"] == pytest.approx(3600 * 50 * 2048, rel=0.05)
    huge = ["--layers", "all", "--set=reduce=none", "--utterances=100000", "--hours=1000000"]
    done = invoke(tmp_path, *words, *huge)
    assert isinstance(done.exception, MedusaError) and "int8" in str(done.exception)


@pytest.mark.parametrize("devices", ["cpu", "cpu,cpu"])
def test_extract_looks_at_the_disk_first(tmp_path, workspace, monkeypatch, devices):
    workspace((16000, 24000))
    monkeypatch.setattr("medusa.extract.planning.room.free_bytes", lambda folder: 1000)
    done = invoke(tmp_path, "extract", "--backbone", "logmel", "--device", devices)
    assert isinstance(done.exception, MedusaError)
    assert "the features need 0.00 GB" in str(done.exception)
