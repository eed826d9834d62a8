"""`medusa push` and `medusa pull` against a small Hub on loopback."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import medusa
from medusa.errors import RunError
from medusa.inference.bundle.layout import SUMS, read_sums
from medusa.tests.inference.bundle.stub_hub import StubHub, serving

HUB = StubHub()
PULLS = """
import sys, medusa
for repo in sys.argv[1:]:
    try:
        medusa.pull_bundle(repo, "pulled")
    except medusa.errors.RunError as problem:
        print(problem)
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(HUB) as address:
        yield address


def run(address: str, folder: Path, *words: object) -> str:
    """Run Python with another Hub, whose address the library reads at its import."""
    settings = {"HF_ENDPOINT": address, "HF_HOME": str(folder / "hf"), "HF_TOKEN": "hf_test"}
    settings |= {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **settings},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_pushed_bundle_is_pulled_whole(address, bundled, tmp_path):
    pushed = run(address, tmp_path, "-m", "medusa.cli", "push", bundled, "user/s", "--private")
    assert "/user/s/commit/" in pushed
    assert HUB.private is True
    assert set(HUB.repos["user/s"]) == {*contents(bundled), ".gitattributes"}
    HUB.repos["user/s"]["runs/extra.py"] = b"import os"
    assert run(address, tmp_path, "-m", "medusa.cli", "pull", "user/s", "-o", "x/y") == "x/y\n"
    assert contents(tmp_path / "x" / "y") == contents(bundled)
    assert {path.name for path in (tmp_path / "x").iterdir()} == {"y"}
    assert medusa.load(tmp_path / "x" / "y").classes == medusa.load(bundled).classes


def test_a_changed_or_hostile_repository_leaves_nothing(address, bundled, tmp_path):
    files = contents(bundled)
    hostile = files[SUMS] + b"0" * 64 + b"  ../../x\n"
    HUB.repos["user/changed"] = files | {"README.md": files["README.md"] + b" "}
    HUB.repos["user/hostile"] = files | {SUMS: hostile, "../../x": b"x"}
    HUB.repos["user/other"] = {"README.md": b"x"}
    expected = {
        "user/changed": "README.md: changed since",
        "user/hostile": "name inside the folder",
        "user/other": "user/other: the Hub did not do it",
        "user/absent": "user/absent: the Hub did not do it",
        "../user/s": "../user/s: the Hub did not do it",
    }
    lines = run(address, tmp_path, "-c", PULLS, *expected).splitlines()
    assert len(lines) == len(expected)
    for line, message in zip(lines, expected.values(), strict=True):
        assert message in line
    assert {path.name for path in tmp_path.iterdir()} <= {"hf"}
    assert not [one for one in HUB.requests if ".." in one]


def test_a_changed_bundle_is_not_pushed(bundled, tmp_path):
    shutil.copytree(bundled, tmp_path / "copy")
    (tmp_path / "copy" / "README.md").write_text("# mine")
    with pytest.raises(RunError, match=r"README\.md: changed"):
        medusa.push_bundle(tmp_path / "copy", "user/never")
    assert set(read_sums(bundled)) == set(contents(bundled)) - {SUMS}
