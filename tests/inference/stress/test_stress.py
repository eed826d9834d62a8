"""`medusa stress` on a trained head: the unchanged recordings score as in `medusa evaluate`."""

import json
from pathlib import Path

import numpy as np
import pytest

import medusa
from medusa.errors import ConfigError, RunError
from medusa.inference.stress import stress_run
from medusa.inference.stress.degradations import DEGRADATIONS
from medusa.manifests import Manifest
from medusa.tests.command_line import call


def test_every_condition_is_compared_with_the_unchanged_recordings(
    trained: Path, monkeypatch: pytest.MonkeyPatch
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
    # Silence predicts one class for every recording.
    labels = Manifest.read(trained / "manifest.parquet").split("test").frame["label"].dropna()
    shares = labels.value_counts(normalize=True)
    possible = [2 * share / (1 + share) / len(shares) for share in shares]
    assert np.min(np.abs(np.array([*possible, 0]) - silent.value)) < 1e-9


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
