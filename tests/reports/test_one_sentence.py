"""Paths that cannot be, and streams that lack signs, end in one sentence in every command."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from medusa import cli
from medusa.errors import MedusaError
from medusa.tests.command_line import invoke

IMPORTS = ("csv", "emodb", "esd", "meld", "msp-podcast", "crema-d", "iemocap", "emobox")
LIBRARIES = ("lhotse", "datasets", "audformat")
READ: dict[str, Callable[[Path], tuple[object, ...]]] = {
    **{
        f"import {name}": lambda path, name=name: ("manifest", "import", name, path)
        for name in (*IMPORTS, *LIBRARIES)
    },
    "merge": lambda path: ("manifest", "merge", f"a={path}"),
    "predict": lambda path: ("predict", "s", path),
    "model": lambda path: ("predict", path, "a.wav"),
    "evaluate --on": lambda path: ("evaluate", "s", "--on", path),
    "config": lambda path: ("fit-head", "--name", "n", "--config", path),
    "store": lambda path: ("cache", "info", path),
    "cache import": lambda path: ("cache", "import", path),
    "cache restore": lambda path: ("cache", "restore", path),
    "checkpoint": lambda path: ("extract", "--backbone", "wavlm", "--checkpoint", path),
    "import-checkpoint": lambda path: ("import-checkpoint", path),
    **{name: lambda path, name=name: (name, path) for name in ("run", "plan", "tables", "slurm")},
}
WRITTEN: dict[str, Callable[[Path], tuple[object, ...]]] = {
    "report": lambda path: ("report", "s", "-o", path),
    "submit": lambda path: ("submit", "s", "--split", "test", "-o", path),
    "bundle": lambda path: ("bundle", "s", "-o", path),
    "export": lambda path: ("manifest", "export", "csv", path),
}


def bad_path(root: Path, kind: str) -> Path:
    (root / "file").write_text("text")
    (root / "folder").mkdir()
    (root / "folder" / "file").touch()
    os.symlink(root / "loop", root / "loop")
    return {
        "loop": root / "loop",
        "long": root / ("n" * 300),
        "deep": Path(f"{root}{'/d' * 3000}"),
        "under a file": root / "file" / "x",
        "folder": root / "folder",
        "file": root / "file",
    }[kind]


@pytest.mark.parametrize("kind", ["loop", "long", "deep", "under a file", "folder", "file"])
def test_a_path_that_cannot_be_read_or_written(made_up: Path, tmp_path: Path, kind: str) -> None:
    path = bad_path(tmp_path, kind)
    before = sorted(one.name for one in tmp_path.iterdir())
    commands = READ if kind in ("loop", "file") else READ | WRITTEN  # These may be replaced.
    for name, words in commands.items():
        found = invoke(made_up, *map(str, words(path))).exception
        assert isinstance(found, (MedusaError, OSError, click.ClickException, SystemExit)), name
        message = found.format_message() if isinstance(found, click.ClickException) else str(found)
        assert message.strip() and len(message) < 20_000, name
    assert sorted(one.name for one in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "words", [("evaluate", "s"), ("compare", "a", "b"), ("runs",), ("manifest", "show")], ids=str
)
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_tables_are_printed_to_streams_that_lack_signs(
    made_up: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], encoding: str
) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding))
    monkeypatch.setattr(sys, "argv", ["medusa", "--workspace", str(made_up), *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    sys.stdout.flush()
    assert end.value.code in (0, None) and len(shown.getvalue()) > 50
