"""Files of others: every failure is one error of this project, in one sentence."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from medusa import cli
from medusa.cache import open_all
from medusa.cache.info import folders
from medusa.errors import MedusaError, RunError, StoreError
from medusa.foreign import LONGEST_REASON, REMEDIES, foreign
from medusa.heads.examples.choose import choose
from medusa.heads.runs.run_dir import RunDir, all_runs
from medusa.manifests.texts import sources
from medusa.recipes.state import State
from medusa.workspace import Workspace


class PanicException(BaseException):
    """An error of a library in Rust, which is no `Exception`."""


def outcome(problem: BaseException) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: SIM117
        with foreign(StoreError, lambda reason: f"x: damaged ({reason}); copy it"):
            raise problem
    return caught.value


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (ValueError("odd\n  bytes."), "odd bytes"),
        (RecursionError(), "RecursionError"),
        (MemoryError("no room"), "no room"),
        (KeyError("spec"), "no 'spec'"),
        (OSError("not a file of HDF5"), "not a file of HDF5"),
        (OSError(errno.EISDIR, "Is a directory"), "[Errno 21] Is a directory"),
        (PanicException("index out of bounds"), "index out of bounds"),
        (ValueError("x" * 5000), "x" * LONGEST_REASON + "..."),
    ],
    ids=lambda value: str(value)[:20],
)
def test_every_error_becomes_one_sentence(problem: BaseException, reason: str) -> None:
    found = outcome(problem)
    assert isinstance(found, StoreError) and found.__cause__ is problem
    assert str(found) == f"x: damaged ({reason}); copy it"


@pytest.mark.parametrize("number", REMEDIES)
def test_refusals_of_the_system_keep_their_remedy(number: int) -> None:
    problem = OSError(number, os.strerror(number), "x")
    assert outcome(problem) is problem


@pytest.mark.parametrize("problem", [RunError("made"), KeyboardInterrupt(), SystemExit(3)])
def test_errors_of_the_project_and_signals_pass(problem: BaseException) -> None:
    assert outcome(problem) is problem


READERS = {
    "open_all": open_all,
    "folders": folders,
    "choose": lambda folder: choose([folder], ()),
    "runs": all_runs,
    "transcripts": sources,
}


@pytest.mark.parametrize("name", READERS)
def test_a_folder_that_cannot_be_listed_is_not_empty(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    if name != "choose":
        assert READERS[name](folder) == []  # type: ignore[no-untyped-call]
    os.symlink(folder, folder)
    with pytest.raises(OSError, match="Too many levels"):
        READERS[name](folder)  # type: ignore[no-untyped-call]
    folder.unlink()
    folder.write_text("a file")
    with pytest.raises(NotADirectoryError):
        READERS[name](folder)  # type: ignore[no-untyped-call]


def test_an_unreadable_folder_of_features_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "features").mkdir()
    scan = os.scandir

    def refuse(path: Any = ".") -> Any:
        if str(path).endswith("features"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr("sys.argv", ["medusa", "--workspace", str(tmp_path), "cache", "ls"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    shown = capsys.readouterr().err
    assert end.value.code == 1 and "features: Permission denied; make it readable" in shown


WRONG: list[tuple[str, Any]] = [
    ("summary.json", {"notes": "text"}),
    ("summary.json", {"notes": [1]}),
    ("summary.json", {"dev_macro_f1": "high"}),
    ("summary.json", {"comparison": ["a"]}),
    ("summary.json", []),
    ("config.yaml", {"classes": "angry"}),
    ("config.yaml", {"features": [3]}),
    ("config.yaml", {"head": None}),
    ("metrics.jsonl", {"seconds": []}),
    ("metrics.jsonl", 5),
]


@pytest.mark.parametrize(("name", "values"), WRONG, ids=str)
def test_values_of_a_run_with_other_types(tmp_path: Path, name: str, values: Any) -> None:
    (tmp_path / "config.yaml").write_text("kind: head\n")
    (tmp_path / name).write_text(json.dumps(values) + "\n")
    run = RunDir(tmp_path)
    read = {"summary.json": lambda: run.read_json(name), "config.yaml": run.config}
    with pytest.raises(RunError, match=f"{name}: damaged .*make the run again with --force"):
        read.get(name, run.metrics)()


@pytest.mark.parametrize(
    "values",
    [{"runs": []}, {"runs": {"a": "../../x"}}, {"runs": {"a": 5}}, {"tables": [3]}, {"text": 1}, 7],
    ids=str,
)
def test_states_of_recipes_with_other_types(tmp_path: Path, values: Any) -> None:
    workspace = Workspace.open(tmp_path)
    State.read(workspace, "toy", False).begin(None, "error")
    (tmp_path / "recipes" / "toy" / "state.json").write_text(json.dumps(values))
    with pytest.raises(MedusaError, match=r"damaged .*run the recipe again"):
        State.read(workspace, "toy", False)
