"""`medusa doctor` finds the faults of a machine and of a workspace, and says what to do."""

import json
import shutil
import sys
from importlib import metadata
from pathlib import Path

import pytest

import medusa
from medusa.recipes.doctor import machine
from medusa.recipes.doctor.contents import cache, manifest, runs
from medusa.tests.command_line import call, invoke
from medusa.workspace import Workspace


def test_an_empty_folder_is_told_the_first_command(tmp_path: Path) -> None:
    found = {one["part"]: one for one in json.loads(call(tmp_path, "doctor", "--json").stdout)}
    assert {"Python", "torch", "ffmpeg", "libraries", "disk", "manifest", "features", "runs"} <= {
        *found
    }
    assert "hub" not in found
    assert "medusa manifest import" in found["manifest"]["advice"]
    assert metadata.version("torch") in found["torch"]["found"]
    free = shutil.disk_usage(tmp_path).free / 1e9
    assert float(found["disk"]["found"].split(" GB")[0]) == pytest.approx(free, rel=0.2)
    assert list(tmp_path.iterdir()) == []


def test_damage_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "manifest.parquet").write_bytes(b"x")
    result = invoke(tmp_path, "doctor")
    assert result.exit_code == 1 and "problem" in result.stdout
    workspace = Workspace.open(tmp_path)
    (tmp_path / "features" / "a-1.zarr" / "index").mkdir(parents=True)
    (tmp_path / "features" / "a-1.zarr" / "spec.json").write_text("{")
    assert (manifest(workspace).state, cache(workspace).state) == ("problem", "problem")
    (tmp_path / "runs" / "r").mkdir(parents=True)
    (tmp_path / "runs" / "r" / "config.yaml").write_text("kind: head\n")
    assert runs(workspace).found == "unfinished: r"


def test_absent_parts_have_an_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> str:
        raise RuntimeError("none")

    monkeypatch.setattr("medusa.manifests.ffmpeg.program", absent)
    assert "install ffmpeg" in machine.decoder().advice
    lines = ["numpy>=1", "no-such-library>=1", 'odd-one>=2; extra == "vad"']
    monkeypatch.setattr("importlib.metadata.requires", lambda name: lines)
    required, extra = machine.libraries()
    assert (required.state, required.found) == ("problem", "absent: no-such-library")
    assert (extra.state, extra.part) == ("note", "extra vad") and "[vad]" in extra.advice
    monkeypatch.setattr(machine, "LITTLE_ROOM", 1e18)
    assert "make room" in machine.disk(tmp_path / "none").advice


def test_an_absent_package_of_ffmpeg_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    machine.ffmpeg.program.cache_clear()
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    assert machine.decoder().found == "absent"


def test_the_hub_is_tried_only_if_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[str]()

    def refuse(address: str, timeout: float) -> None:
        asked.append(address)
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    medusa.diagnose(Workspace.open(tmp_path))
    assert not asked
    found = {one.part: one for one in medusa.diagnose(Workspace.open(tmp_path), hub=True)}
    assert len(asked) == 1 and "no network" in found["hub"].found
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert machine.hub().found == "HF_HUB_OFFLINE is set"
