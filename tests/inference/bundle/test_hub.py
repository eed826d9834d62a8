"""`medusa push` and `medusa pull` against a small Hub on loopback."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import medusa
from medusa.inference.bundle.layout import SUMS, read_sums
from medusa.tests.inference.bundle.stub_hub import StubHub, serving

HUB = StubHub()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(HUB) as address:
        yield address


def run(address: str, folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a command with another Hub. Its address is read when the library is imported."""
    settings = {"HF_ENDPOINT": address, "HF_HOME": str(folder / "hf"), "HF_TOKEN": "hf_test"}
    settings |= {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    return subprocess.run(
        [sys.executable, "-m", "medusa.cli", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **settings},
    )


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_pushed_bundle_is_pulled_whole(address, bundled, tmp_path):
    done = run(address, tmp_path, "push", bundled, "user/s", "--private")
    assert done.returncode == 0, done.stderr
    assert "/user/s/commit/" in done.stdout
    assert HUB.private is True
    assert set(HUB.repos["user/s"]) == {*contents(bundled), ".gitattributes"}
    HUB.repos["user/s"]["runs/extra.py"] = b"import os"
    done = run(address, tmp_path, "pull", "user/s", "-o", "pulled")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "pulled\n"
    assert "--set NAME=PATH" in done.stderr
    assert contents(tmp_path / "pulled") == contents(bundled)
    assert {path.name for path in tmp_path.iterdir()} - {"hf"} == {"pulled"}
    assert medusa.load(tmp_path / "pulled").classes == medusa.load(bundled).classes


def test_a_changed_or_hostile_repository_leaves_nothing(address, bundled, tmp_path):
    files = contents(bundled)
    HUB.repos["user/changed"] = files | {"README.md": files["README.md"] + b" "}
    lines = files[SUMS] + b"0" * 64 + b"  ../../x\n"
    HUB.repos["user/hostile"] = files | {SUMS: lines, "../../x": b"x"}
    HUB.repos["user/other"] = {"README.md": b"x"}
    for name, message in {
        "user/changed": "README.md: changed since",
        "user/hostile": "name inside the folder",
        "user/other": SUMS,
        "user/absent": "the Hub refused it",
    }.items():
        done = run(address, tmp_path, "pull", name, "-o", "pulled")
        assert (done.returncode, done.stdout) == (1, "")
        assert message in done.stderr and "Traceback" not in done.stderr
        assert [path.name for path in tmp_path.iterdir() if path.name != "hf"] == []
    assert not [one for one in HUB.requests if ".." in one]


def test_a_changed_bundle_is_not_pushed(address, bundled, tmp_path):
    for name, data in contents(bundled).items():
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / name).write_bytes(data)
    (tmp_path / "copy" / "README.md").write_text("# mine")
    done = run(address, tmp_path, "push", "copy", "user/never")
    assert done.returncode == 1 and "README.md" in done.stderr
    assert "user/never" not in HUB.repos
    assert set(read_sums(bundled)) == set(contents(bundled)) - {SUMS}
