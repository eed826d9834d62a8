"""Every changed byte of a bundle is noticed, and the message names the file."""

import random
import shutil
from pathlib import Path

import pytest

import medusa
from medusa.errors import RunError
from medusa.inference.bundle.layout import SUMS
from medusa.tests.counts import count

FLIPS = count("MEDUSA_FLIPS", 40, 1000)


@pytest.fixture
def copy(bundled: Path, tmp_path: Path) -> Path:
    """Return a copy of the bundle that a test may change."""
    return Path(shutil.copytree(bundled, tmp_path / "copy"))


def test_every_flipped_byte_is_refused(copy):
    draw = random.Random(0)
    files = sorted(path for path in copy.rglob("*") if path.is_file())
    for number in range(FLIPS):
        path = files[number % len(files)]  # Small files are drawn as often as large ones.
        whole = path.read_bytes()
        place = draw.randrange(len(whole))
        changed = bytearray(whole)
        changed[place] ^= draw.randrange(1, 256)
        path.write_bytes(changed)
        with pytest.raises(RunError) as caught:
            medusa.load(copy)
        # A changed name in the list of checksums is the name of another file.
        assert path.name == SUMS or str(path) in str(caught.value)
        path.write_bytes(whole)
    assert medusa.load(copy).classes


@pytest.mark.parametrize("name", ["runs/0/weights.safetensors", "README.md", "bundle.json", SUMS])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(RunError, match=name.replace(".", r"\.")):
        medusa.load(copy)


@pytest.mark.parametrize("name", ["backbones/x.py", "runs/0/pytorch_model.bin", "x.pkl", "runs/y"])
def test_an_added_file_is_named(copy, name):
    (copy / name).write_bytes(b"")
    with pytest.raises(RunError, match=f"found also {name}"):
        medusa.load(copy)


def test_hidden_files_of_other_programs_are_ignored(copy):
    (copy / ".git" / "x").mkdir(parents=True)
    (copy / ".gitattributes").write_text("x")
    (copy / ".git" / "link").symlink_to("/etc/passwd")
    assert medusa.load(copy).classes
