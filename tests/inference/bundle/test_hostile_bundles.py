"""A bundle whose checksums agree may still be hostile: no name in it leads out of its folder."""

import hashlib
import json
import os
import pickle
import re
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import medusa
from medusa.errors import MedusaError, RunError
from medusa.inference.bundle.layout import RECORD, SUMS, read_sums

PATHS = ["../../x", "/etc/passwd", "a/../../b", "..", "", ".hidden", "a\\b", "x/y/z/w/v"]


@pytest.fixture
def copy(bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the bundle, which a test may change, in the current folder."""
    folder = tmp_path / "inside" / "copy"
    shutil.copytree(bundled, folder)
    monkeypatch.chdir(tmp_path / "inside")
    return folder


def resealed(folder: Path) -> None:
    """Write right checksums for the files of a changed bundle, as its sender can."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n"
        for path in files
    ]
    (folder / SUMS).write_text("".join(lines))


def changed(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    record = json.loads((folder / RECORD).read_text())
    change(record)
    (folder / RECORD).write_text(json.dumps(record))
    resealed(folder)


def refused(folder: Path, clips: list[Path], whisper: dict[str, str]) -> None:
    """Check that a bundle is refused, and that nothing appears outside its folder."""
    root = folder.parents[1]
    before = sorted(map(str, root.rglob("*")))
    with pytest.raises(MedusaError):
        medusa.load(folder, checkpoints=whisper).predict(clips[:1], workspace=root / "inside" / "w")
    written = set(map(str, root.rglob("*"))) - set(before)
    assert not [path for path in written if not path.startswith(str(root / "inside" / "w"))]


@pytest.mark.parametrize("name", PATHS)
def test_a_path_in_the_list_of_checksums_is_refused(copy, name):
    lines = (copy / SUMS).read_text()
    (copy / SUMS).write_text(lines + f"{'0' * 64}  {name}\n")
    with pytest.raises(RunError, match="inside the folder"):
        read_sums(copy)
    with pytest.raises(RunError, match=SUMS):
        medusa.load(copy)


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("field", ["backbone", "checkpoint", "revision", "family"])
def test_a_path_in_a_specification_is_refused(copy, clips, whisper, field, name):
    changed(copy, lambda record: record["features"][0].update({field: name}))
    refused(copy, clips, whisper)


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("field", ["name", "checkpoint"])
def test_a_path_in_the_texts_is_refused(copy, clips, whisper, field, name):
    if (field, name) != ("checkpoint", ""):  # An unknown Whisper model is no path.
        changed(copy, lambda record: record["text"].update({field: name}))
        refused(copy, clips, whisper)


@pytest.mark.parametrize("revision", ["../../../../x", "main"])
def test_a_revision_of_the_hub_is_a_commit(copy, revision):
    values = {"family": "ssl", "checkpoint": "org/model", "revision": revision}
    changed(copy, lambda record: record["features"][1].update(values))
    with pytest.raises(RunError, match="expected the commit"):
        medusa.load(copy)


def test_a_folder_in_the_current_folder_is_not_taken_for_the_hub(copy):
    (copy.parent / "org" / "model").mkdir(parents=True)
    values = {"family": "ssl", "checkpoint": "org/model", "revision": "0" * 40}
    changed(copy, lambda record: record["features"][1].update(values))
    with pytest.raises(RunError, match="hides the public weights"):
        medusa.load(copy)


@pytest.mark.parametrize("name", [RECORD, SUMS, "runs/0/config.yaml", "runs/0", "backbones"])
def test_a_link_is_refused(copy, name):
    outside = copy.parents[1] / "outside"
    shutil.move(copy / name, outside)
    (copy / name).symlink_to(outside)
    with pytest.raises(RunError, match="found a link"):
        medusa.load(copy)


def test_a_device_is_refused(copy):
    (copy / RECORD).unlink()
    os.mkfifo(copy / RECORD)
    with pytest.raises(RunError, match="a device"):
        medusa.load(copy)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize("name", ["runs/0/weights.safetensors", "channels/*.safetensors", RECORD])
def test_a_pickle_is_never_opened(copy, name):
    next(copy.glob(name)).write_bytes(pickle.dumps(Bomb()))
    resealed(copy)
    with pytest.raises(RunError, match=r"is no model|not readable"):
        medusa.load(copy)
    assert not Path("exploded").exists()


def test_a_backbone_in_a_pickle_is_refused(copy):
    folder = next((copy / "backbones").iterdir())
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    resealed(copy)
    with pytest.raises(RunError, match=SUMS):
        medusa.load(copy)
    assert not Path("exploded").exists()


@pytest.mark.parametrize(
    "values",
    [
        {"format": 2},
        {"classes": ["x"]},
        {"features": []},
        {"model": {}},
        {"model": []},
        {"text": {"name": "words"}},
        {"card": 3},
        {"card": {}},
        {"card": {"name": "\x1b[2Js"}},
        {"classes": ["angry", "happy\n", "sad", "neutral"]},
    ],
    ids=str,
)
def test_a_record_that_is_no_model_is_one_sentence(copy, values):
    changed(copy, lambda record: record.update(values))
    with pytest.raises(RunError, match=str(copy)):
        medusa.load(copy)


def test_a_record_of_great_depth_is_refused(copy):
    (copy / RECORD).write_text("[" * 100_000)
    resealed(copy)
    with pytest.raises(RunError, match="is no model"):
        medusa.load(copy)


@pytest.mark.parametrize(
    "setting", ["width: 1000000", "width: -1", "layers: 1000000000", "layers: x"]
)
def test_a_head_of_another_size_is_refused_before_memory_is_reserved(copy, setting):
    path = copy / "runs" / "1" / "config.yaml"
    name = setting.split(":")[0]
    path.write_text(re.sub(rf"(?m)^  {name}: \d+", f"  {setting}", path.read_text()))
    resealed(copy)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RunError, match=r"the network expects|is no model"):
        medusa.load(copy)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 500_000  # kB
