"""The profile of a training step, in `benchmarks/step_profile.py`."""

import importlib
import json
import sys
from pathlib import Path

import pytest
import torch

from medusa.errors import MedusaError
from medusa.heads.config import load
from medusa.heads.fitting.fit import prepare
from medusa.heads.spec import HeadSpec
from medusa.workspace import Workspace

BENCHMARKS = str(Path(__file__).parents[3] / "benchmarks")
TINY = ("head.width=8", "head.feedforward=8", "train.batch=6")


@pytest.fixture(scope="module")
def step_profile():
    sys.path.insert(0, BENCHMARKS)
    yield importlib.import_module("step_profile")
    sys.path.remove(BENCHMARKS)


def test_a_profile_is_a_trace_and_leaves_no_run(workspace, tmp_path, step_profile):
    trace = tmp_path / "trace.json"
    job = prepare(Workspace.open(workspace), HeadSpec("a", load("small", TINY)))
    measured = step_profile.profile(job, torch.device("cpu"), trace)
    assert set(measured.parts) == set(step_profile.PARTS)
    assert all(seconds > 0 for seconds in measured.parts.values())
    assert sum(measured.parts.values()) < measured.step
    names = [event.get("name") for event in json.loads(trace.read_text())["traceEvents"]]
    assert names.count("backward") == step_profile.STEPS
    assert any("addmm" in str(name) for name in names)
    assert not (workspace / "runs").exists()


def test_the_script_prints_parts_and_operations(
    workspace, tmp_path, step_profile, monkeypatch, capsys
):
    words = [word for setting in TINY for word in ("--set", setting)]
    trace = str(tmp_path / "trace.json")
    monkeypatch.setattr(sys, "argv", ["step_profile", str(workspace), *words, "--trace", trace])
    step_profile.main()
    output = capsys.readouterr().out
    assert "utterances/s" in output and "aten::" in output


def test_a_head_without_steps_is_refused(workspace, tmp_path, step_profile):
    job = prepare(
        Workspace.open(workspace), HeadSpec("a", load("small", ("head.name=discriminant",)))
    )
    with pytest.raises(MedusaError, match="a discriminant takes no training steps"):
        step_profile.profile(job, torch.device("cpu"), tmp_path / "trace.json")
