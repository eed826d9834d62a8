"""`head.normalise_speakers` against a loop over speakers, and the places that refuse it."""

import numpy as np
import pytest

from medusa.errors import DataError
from medusa.heads.config import load
from medusa.heads.fitting.apply import apply
from medusa.heads.fitting.fit import prepare
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.manifests import Manifest
from medusa.tests.command_line import call, invoke
from medusa.workspace import Workspace

SETTING = "head.normalise_speakers=true"


def frames(root, *settings):
    """Return the examples, and for each modality the frames (T, D) of every utterance."""
    config = load("small", ("head.average_frames=2", *settings))
    examples = prepare(Workspace.open(root), HeadSpec("a", config)).examples
    rows = [np.arange(start, min(start + 7, len(examples.ids))) for start in range(0, 60, 7)]
    read = [[one.split() for one in inputs] for inputs in examples.read_batches(rows)]
    return examples, [
        [part.double().numpy() for inputs in read for part in inputs[number]]
        for number in range(len(examples.streams))
    ]


def test_every_speaker_has_mean_0_and_deviation_1_in_audio_alone(workspace):
    examples, plain = frames(workspace)
    _, scaled = frames(workspace, SETTING)
    kinds = [stream.store.spec.input for stream in examples.streams]
    audio, text = kinds.index("audio"), kinds.index("text")
    for speaker in np.unique(examples.speakers):
        rows = np.flatnonzero(examples.speakers == speaker)
        all_frames = np.concatenate([plain[audio][row] for row in rows])
        mean, deviation = all_frames.mean(0), all_frames.std(0)
        for row in rows:
            expected = (plain[audio][row] - mean) / deviation
            assert np.allclose(scaled[audio][row], expected, atol=1e-5)
    assert all(np.array_equal(one, two) for one, two in zip(plain[text], scaled[text], strict=True))


def test_a_head_predicts_elsewhere_with_the_speakers_of_that_place(workspace):
    call(workspace, "fit-head", "--config", "small", "--name", "a", "--set", SETTING,
         "--set", "head.name=logistic")  # fmt: skip
    run = RunDir(workspace / "runs" / "a")
    manifest = Manifest.read(workspace / "manifest.parquet")
    predicted = apply(run, manifest, Workspace.open(workspace))
    assert np.allclose(
        predicted.logits(), run.predictions().select(predicted.ids).logits(), atol=1e-6
    )
    refused = invoke(workspace, "bundle", "a", "-o", str(workspace / "b"))
    assert "a head with head.normalise_speakers=true needs all utterances" in str(refused.exception)


def test_an_unknown_speaker_is_refused_with_the_remedy(workspace):
    manifest = Manifest.read(workspace / "manifest.parquet")
    manifest.frame.loc[3, "speaker"] = None
    manifest.write(workspace / "manifest.parquet")
    with pytest.raises(DataError, match=r"1 utterance without one \(u3\)"):
        frames(workspace, SETTING)
