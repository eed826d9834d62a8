"""What is released: the wheel's files, the version in one place, the workflows, and the checks."""

import re
import runpy
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import yaml

import medusa

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_wheel_has_every_module_and_every_data_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run(
        [*command, "--no-build-isolation", "-w", str(tmp_path), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name.removeprefix("medusa/") for name in archive.namelist()}
    packages = tomllib.loads(read("pyproject.toml"))["tool"]["setuptools"]["packages"]
    folders = [ROOT.joinpath(*package.split(".")[1:]) for package in packages]
    modules = {
        path.relative_to(ROOT).as_posix() for folder in folders for path in folder.glob("*.py")
    }
    assert modules <= names and len(modules) > 400
    data = {path for suffix in ("yaml", "j2", "html") for path in ROOT.rglob(f"*.{suffix}")}
    rooms = {package.split(".")[1] for package in packages if "." in package}
    wanted = {path.relative_to(ROOT) for path in data if path.relative_to(ROOT).parts[0] in rooms}
    assert {path.as_posix() for path in wanted} | {"py.typed"} <= names
    assert not [name for name in names if name.startswith(("tests/", "docs/", "benchmarks/"))]


def test_the_version_is_in_one_place() -> None:
    version = PROJECT["version"]
    assert yaml.safe_load(read("CITATION.cff"))["version"] == version
    assert f"\n## {version}" in read("CHANGELOG.md")
    assert medusa.__version__ == metadata.version("medusa-ser")
    pattern = re.compile(rf"__version__ =|['\"]{re.escape(version)}['\"]")
    files = [path for path in ROOT.glob("*.py") if pattern.search(path.read_text(encoding="utf-8"))]
    assert files == []


@pytest.mark.parametrize(
    ("tag", "message"),
    [("v{version}", ""), ("v9.9.9", "but pyproject.toml has version"), ("{version}", "the tag is")],
)
def test_a_tag_that_is_no_version_is_refused(tag: str, message: str) -> None:
    command = [
        sys.executable,
        ROOT / ".ci" / "check_tag.py",
        tag.format(version=PROJECT["version"]),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode != 0) == bool(message) and message in done.stderr


def test_notes_for_the_change_log_have_names_and_texts_that_are_read(tmp_path: Path) -> None:
    notes = sorted(path for path in (ROOT / "changes").iterdir() if path.name != "README.md")
    for path in notes:
        assert re.fullmatch(r"(\d+|\+[\w-]+)\.(added|changed|fixed|removed)\.md", path.name)
        assert path.read_text(encoding="utf-8").strip().endswith("."), path.name
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "9.9.9"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "## 9.9.9 (" in done.stdout, done.stderr
    shown = " ".join(done.stdout.split())
    for path in notes:
        assert " ".join(path.read_text(encoding="utf-8").split()) in shown


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_can_be_read_and_have_few_permissions(path: Path) -> None:
    flow = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    assert {"name", "on", "permissions", "jobs"} <= set(flow)
    assert flow["permissions"] == {"contents": "read"}
    targets = set(re.findall(r"^([\w-]+):", read("Makefile"), re.M))
    for job in flow["jobs"].values():
        assert job["runs-on"] and job["steps"]
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert "@" in step.get("uses", "@")
            if step.get("run", "").startswith("make "):
                assert set(step["run"].split()[1:]) <= targets


def test_a_release_is_built_checked_and_published_without_a_token() -> None:
    flow = yaml.load(read(".github/workflows/release.yml"), yaml.BaseLoader)
    assert flow["on"] == {"push": {"tags": ["v*"]}}
    build, publish = flow["jobs"]["build"], flow["jobs"]["publish"]
    text = " ".join(step.get("run", "") for step in build["steps"])
    for part in (
        "check_tag.py",
        "-m build",
        "twine check --strict",
        ".ci/wheel",
        "cyclonedx-py",
        "pip-audit",
    ):
        assert part in text
    assert publish["needs"] == "build" and publish["permissions"] == {"id-token": "write"}
    assert "secrets." not in read(".github/workflows/release.yml")


def test_the_matrix_has_every_python_that_is_named() -> None:
    matrix = yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"]["test"]["strategy"]["matrix"]
    named = [line.rsplit(" ", 1)[1] for line in PROJECT["classifiers"] if ":: 3." in line]
    assert matrix["python"] == named
    assert len(matrix["os"]) == 3


def test_the_hooks_before_a_commit_are_those_of_make_check() -> None:
    (hooks,) = [one["hooks"] for one in yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]]
    recipe = read("Makefile").partition("\ncheck: $(READY)\n")[2].partition("\n\n")[0]
    lines = [line.strip().removeprefix("$(BIN)/") for line in recipe.splitlines()]
    assert [hook["entry"] for hook in hooks] == lines


def test_make_help_lists_every_target() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (phony,) = re.findall(r"^\.PHONY: (.*)$", read("Makefile"), re.M)
    assert {line.split()[1].rstrip(":") for line in shown.splitlines()} == {*phony.split()} - {
        "help"
    }


def test_spaces_conflicts_and_missing_newlines_are_found(tmp_path: Path) -> None:
    problems = runpy.run_path(str(ROOT / ".ci" / "hygiene.py"))["problems"]
    path = tmp_path / "a.py"
    path.write_text("x = 1 \n<<<<<<< HEAD\ny = 2")
    assert problems(path) == [
        "no newline at the end", "line 1 ends with a space", "line 2 has a conflict mark"
    ]  # fmt: skip
    path.write_text("x = 1\n")
    assert problems(path) == []


def test_no_file_of_the_repository_has_such_a_problem() -> None:
    command = [sys.executable, ROOT / ".ci" / "hygiene.py"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("", 0)
