"""`medusa stress` on a trained head: the unchanged recordings score as in `medusa evaluate`."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import medusa
from medusa.errors import ConfigError, RunError
from medusa.inference.audio_input import AudioInput, clip_of
from medusa.inference.stress import stress_run
from medusa.inference.stress.degradations import DEGRADATIONS
from medusa.manifests import Manifest
from medusa.tests.command_line import call


def test_every_condition_is_compared_with_the_unchanged_recordings(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DEGRADATIONS, "same", lambda samples, rng: samples)
    monkeypatch.setitem(DEGRADATIONS, "silent", lambda samples, rng: 0 * samples)
    workspace = medusa.Workspace.open(trained)
    found = medusa.stress(workspace, "b", conditions=["same", "silent"])
    assert [row.condition for row in found.rows] == ["unchanged", "same", "silent"]
    judged = medusa.evaluate(workspace, "b")
    first, same, silent = found.rows
    assert found.utterances == judged["n"]
    assert first.value == pytest.approx(judged["macro_f1"])
    assert first.interval == pytest.approx(judged["interval"]["macro_f1"])
    assert (same.value, same.difference, same.changed, same.p) == (first.value, 0, 0, 1)
    assert silent.difference == pytest.approx(silent.value - first.value)
    kept = medusa.stress(workspace, "b", conditions=["silent", "same"], keep=tmp_path / "kept")
    assert kept.rows == [first, silent, same]
    # Silence predicts one class for every recording.
    labels = Manifest.read(trained / "manifest.parquet").split("test").frame["label"].dropna()
    shares = labels.value_counts(normalize=True)
    possible = [2 * share / (1 + share) / len(shares) for share in shares]
    assert np.min(np.abs(np.array([*possible, 0]) - silent.value)) < 1e-9


def test_kept_clips_have_features_of_their_own(trained: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    clips = [clip_of(scale * rng.standard_normal(16_000), 16_000) for scale in (0.01, 0.3)]
    model = medusa.load("b", workspace=trained)

    def posteriors(clip: AudioInput, keep: Path | None) -> np.ndarray:
        [(_, found)] = model.predict_recordings([clip], keep).rows
        return found.posteriors

    plain = [posteriors(clip, None) for clip in clips]
    assert np.abs(plain[0] - plain[1]).max() > 1e-6
    for _ in range(2):  # the second time, the features are those that were kept
        kept = [posteriors(clip, tmp_path / "kept") for clip in clips]
        assert np.allclose(kept, plain, rtol=0, atol=1e-6)


def test_the_command_continues_with_kept_features(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("stress", "b", "--only", "noise 5 dB", "--keep", str(tmp_path / "kept"))
    first = json.loads(call(trained, *words, "--json").stdout)
    from medusa.extract.backbones import ssl

    monkeypatch.setattr(ssl, "load", None)  # Nothing is computed again.
    shown = call(trained, *words, "--format", "markdown").stdout
    assert f"| noise 5 dB | {first['rows'][1]['value']:.3f} |" in shown
    assert first["rows"][1]["condition"] == "noise 5 dB"


def test_mistakes_are_found_before_the_work(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = medusa.Workspace.open(trained)
    monkeypatch.setattr(stress_run, "load", None)
    with pytest.raises(ConfigError, match=r"no condition 'telefone'.*telephone"):
        medusa.stress(workspace, "b", conditions=["telefone"])
    silent = Manifest.read(workspace.manifest)
    silent.frame["path"] = None
    monkeypatch.setattr(stress_run.Manifest, "read", lambda path: silent)
    with pytest.raises(RunError, match="no row of split 'test' has a label and a recording"):
        medusa.stress(workspace, "b")


def test_a_manifest_with_other_classes_is_refused(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = medusa.Workspace.open(trained)
    model = medusa.load("b", workspace=trained)
    scheme = replace(model.parts.scheme, classes=model.classes[::-1])
    turned = replace(Manifest.read(workspace.manifest), scheme=scheme)
    monkeypatch.setattr(stress_run.Manifest, "read", lambda path: turned)
    monkeypatch.setattr(stress_run, "load", lambda *names, **given: model)
    with pytest.raises(RunError, match="fit again on this manifest"):
        medusa.stress(workspace, "b", conditions=["mp3"])
