"""A bundle predicts as the run from which it was written, without the workspace."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import medusa
from medusa.errors import CheckpointError, ConfigError, MedusaError, RunError
from medusa.tests.command_line import call
from medusa.workspace import Workspace

ALONE = """
import sys, medusa
folder, whisper, table, *clips = sys.argv[1:]
model = medusa.load(folder, checkpoints={"whisper": whisper})
model.predict(clips).drop(columns="flags").to_parquet(table)
"""


def agree(frame: pd.DataFrame, expected: pd.DataFrame) -> None:
    numbers = expected.select_dtypes("number").columns
    assert len(numbers) > 8
    assert np.allclose(frame[numbers], expected[numbers], rtol=0, atol=1e-5, equal_nan=True)
    for name in ("path", "label", "transcript"):
        assert frame[name].tolist() == expected[name].tolist()


def test_a_copied_stack_predicts_the_same_in_another_process(
    trained, clips, bundled, whisper, tmp_path
):
    expected = medusa.load("s", workspace=trained).predict(clips[:4])
    shutil.copytree(bundled, tmp_path / "elsewhere" / "copy")
    kept = shutil.copy(whisper["whisper"], tmp_path / "elsewhere" / "w.pt")
    words = [tmp_path / "elsewhere" / "copy", kept, tmp_path / "t.parquet", *clips[:4]]
    subprocess.run(
        [sys.executable, "-c", ALONE, *map(str, words)], check=True, cwd=tmp_path / "elsewhere"
    )
    agree(pd.read_parquet(tmp_path / "t.parquet"), expected)


def test_a_head_with_int8_features_predicts_the_same(trained, clips, tmp_path):
    result = medusa.write_bundle(Workspace.open(trained), "b", tmp_path / "b", with_backbones=True)
    assert result.not_contained == ()
    model = medusa.load(tmp_path / "b")
    agree(model.predict(clips[:3]), medusa.load("b", workspace=trained).predict(clips[:3]))
    assert model.card["bundle"] == result.digest


def test_weights_that_are_not_contained_are_asked_for(trained, bundled, clips, whisper, tmp_path):
    with pytest.raises(CheckpointError, match=r"^s: .* --set transcriber=PATH"):
        medusa.load(bundled).predict(clips[:1])
    only = {"transcriber": whisper["whisper"]}
    with pytest.raises(CheckpointError, match=r"^s: whisper: .* --set whisper=PATH"):
        medusa.load(bundled, checkpoints=only).predict(clips[:1])
    with pytest.raises(ConfigError, match="did you mean 'whisper'"):
        medusa.load(bundled, checkpoints={"whispr": "x"})


def test_a_workspace_may_name_weights_that_are_not_contained(bundled, clips, whisper, tmp_path):
    (tmp_path / "medusa.yaml").write_text(f"checkpoints:\n  whisper: {whisper['whisper']}\n")
    named = medusa.load(bundled, workspace=tmp_path).predict(clips[:2])
    given = whisper | {"transcriber": whisper["whisper"]}
    agree(named, medusa.load(bundled, checkpoints=given).predict(clips[:2]))
    with pytest.raises(CheckpointError, match=r"absent\.pt"):  # What is given comes first.
        medusa.load(
            bundled, workspace=tmp_path, checkpoints={"whisper": str(tmp_path / "absent.pt")}
        ).predict(clips[:1])


def test_other_weights_are_refused(trained, tmp_path, clips):
    medusa.write_bundle(Workspace.open(trained), "b", tmp_path / "b")
    other = {"wavlm": str(trained / "checkpoints" / "hubert")}
    with pytest.raises(MedusaError, match="wavlm"):
        medusa.load(tmp_path / "b", checkpoints=other).predict(clips[:1])
    given = {"wavlm": str(trained / "checkpoints" / "wavlm")}
    model = medusa.load(tmp_path / "b", checkpoints=given)
    agree(model.predict(clips[:2]), medusa.load("b", workspace=trained).predict(clips[:2]))


def test_the_folder_holds_nothing_of_the_workspace(trained, bundled, clips):
    names = {path.relative_to(bundled).as_posix() for path in bundled.rglob("*")}
    runs = {f"runs/{n}/{name}" for n in range(3) for name in ("config.yaml", "weights.safetensors")}
    assert runs <= names
    data = b"".join(path.read_bytes() for path in bundled.rglob("*") if path.is_file())
    secrets = [str(trained), *(clip.name for clip in clips), *(clip.stem for clip in clips)]
    assert not [one for one in secrets if one.encode() in data]
    assert not [name for name in names if Path(name).suffix in (".pt", ".bin", ".pkl", ".parquet")]


def test_the_command_writes_and_replaces(trained, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x").write_text("x")
    target = tmp_path / "b"
    assert call(trained, "bundle", "b", "-o", target).stdout.splitlines() == [str(target)]
    for folder, words, message in (
        (target, (), "--force"),
        (tmp_path / "mine", ("--force",), "is no bundle"),
    ):
        with pytest.raises(RunError, match=message):
            call(trained, "bundle", "b", "-o", folder, *words)
    before = (target / "checksums.sha256").read_bytes()
    call(trained, "bundle", "b", "-o", target, "--force")
    assert (target / "checksums.sha256").read_bytes() == before
    assert (tmp_path / "mine" / "x").read_text() == "x"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "mine"]


def test_other_users_can_read_every_file_of_a_bundle_and_of_a_workspace(
    bundled: Path, trained: Path
) -> None:
    umask = os.umask(0)
    os.umask(umask)
    files = [path for root in (bundled, trained) for path in root.rglob("*") if path.is_file()]
    ours = [path for path in files if path.parents[1].name != "checkpoints"]  # Of transformers.
    modes = {str(path): path.stat().st_mode & 0o777 for path in ours if path.suffix != ".lock"}
    assert len(modes) > 20
    assert {name: mode for name, mode in modes.items() if mode != 0o666 & ~umask} == {}
