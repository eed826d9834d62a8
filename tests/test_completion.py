"""The shell completes commands, runs, features, backbones and recipes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from medusa import completion
from medusa.extract.backbones import checkpoints


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("best", "second"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "config.yaml").touch()
    (tmp_path / "features" / "wavlm-base-0123abcd.zarr").mkdir(parents=True)
    return tmp_path


def completed(home: Path, *words: str, shell: str = "bash") -> list[str]:
    """Return the completions of the last word, as the shell asks for them."""
    line = ["medusa", "--workspace", str(home), *words]
    code = "import sys; sys.argv[0] = 'medusa'; from medusa.cli import main; main()"
    environment = os.environ | {
        "_MEDUSA_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": " ".join(line),
        "COMP_CWORD": str(len(line) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return [item.partition(",")[2] for item in done.stdout.splitlines()]


def test_names_of_the_workspace(home: Path) -> None:
    assert completed(home, "evaluate", "b") == ["best"]
    assert completed(home, "fit-head", "--backbones", "w") == ["wavlm-base"]
    assert completed(home, "extract", "--backbone", "logmel,ro") == ["logmel,roberta"]
    assert "medusa-14" in completed(home, "run", "medusa")
    assert completed(home, "eval") == ["evaluate"]


def test_the_names_of_backbones_are_those_of_the_families() -> None:
    assert sorted(completion.BACKBONES) == sorted(checkpoints())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_its_script(shell: str) -> None:
    code = "import sys; sys.argv[0] = 'medusa'; from medusa.cli import main; main()"
    environment = os.environ | {"_MEDUSA_COMPLETE": f"{shell}_source"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "medusa" in done.stdout and len(done.stdout) > 200
