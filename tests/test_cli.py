"""The front door: what errors look like from outside, and what a signal does."""

import errno
import os
import runpy
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest

from medusa import cli
from medusa.cache import FeatureSpec, StoreWriter
from medusa.console import table
from medusa.errors import MedusaError
from medusa.next_steps import NEXT
from medusa.tests.command_line import call


def outcome(monkeypatch, capsys, problem, *words):
    """Run `medusa report x` with a command that raises; return exit code and stderr."""

    @click.command()
    def raising():
        raise problem

    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda self, context, name: raising)
    monkeypatch.setattr(sys, "argv", ["medusa", "report", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code, capsys.readouterr().err.strip()


def test_ctrl_c_ends_quietly_and_says_how_to_go_on(monkeypatch, capsys):
    code, said = outcome(monkeypatch, capsys, KeyboardInterrupt())
    assert code == 130
    assert said == "medusa: stopped; run the same command again to continue"


def test_an_error_of_the_users_is_one_message(monkeypatch, capsys):
    code, said = outcome(monkeypatch, capsys, MedusaError("x.wav: mend it"))
    assert (code, said) == (1, "medusa: x.wav: mend it")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_what_the_system_refuses_names_the_place_and_the_remedy(monkeypatch, capsys, number):
    problem = OSError(number, "refused", "runs/a")
    code, said = outcome(monkeypatch, capsys, problem)
    assert code == 1
    assert said == f"medusa: runs/a: refused; {cli.REMEDIES[number]}"


def test_a_fault_keeps_its_traceback(monkeypatch, capsys):
    with pytest.raises(ZeroDivisionError):
        outcome(monkeypatch, capsys, ZeroDivisionError("a fault of the program"))


@pytest.mark.parametrize("number", [errno.ENAMETOOLONG, errno.EISDIR, errno.ELOOP, errno.ENOENT])
def test_every_error_of_the_system_is_one_sentence(monkeypatch, capsys, number):
    problem = OSError(number, os.strerror(number), "x")
    code, said = outcome(monkeypatch, capsys, problem)
    assert (code, said) == (1, f"medusa: x: {os.strerror(number)}; {cli.CHECK_PATH}")


def test_an_error_of_the_system_without_a_number(monkeypatch, capsys):
    code, said = outcome(monkeypatch, capsys, OSError("the archive is odd"))
    assert (code, said) == (1, f"medusa: the archive is odd; {cli.CHECK_PATH}")


def test_a_wrong_option_exits_with_2(monkeypatch, capsys):
    code, said = outcome(monkeypatch, capsys, MedusaError("never"), "--nope")
    assert code == 2
    assert "No such option" in said


def test_without_the_script_python_runs_it(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["medusa", "--version"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(cli.__file__, run_name="__main__")
    assert end.value.code in (0, None)
    assert capsys.readouterr().out.startswith("medusa")


@pytest.mark.parametrize("group", [(), ("cache",), ("manifest",), ("manifest", "split")])
def test_every_command_is_listed_in_a_whole_sentence(group, tmp_path):
    listed = call(tmp_path, *group, "--help", terminal_width=80).output
    title = "Commands:" if group else "First steps, in this order:"
    lines = listed.partition(f"{title}\n")[2].splitlines()
    lines = [line for line in lines if line.startswith("  ")]
    assert len(lines) > 5 and all(line.endswith(".") for line in lines)
    assert not [line for line in lines if line.endswith("...")]


def test_every_command_is_in_one_group_of_the_list():
    names = [name for several in cli.GROUPS.values() for name in several]
    assert sorted(names) == sorted(cli.COMMANDS)


def test_the_stores_are_listed_by_both_names(tmp_path):
    assert call(tmp_path, "cache", "list").stderr == call(tmp_path, "cache", "ls").stderr != ""
    assert " list " not in call(tmp_path, "cache", "--help").stdout


TORCH = ("torch", "transformers", "sklearn", "scipy", "zarr")
PANDAS = (*TORCH, "pandas", "pyarrow")


def loaded(workspace, *words):
    """Run a command in a process of its own; return its exit code and the modules it loads."""
    code = """
import sys
from medusa.cli import main
try:
    main()
except SystemExit as end:
    print("exit", end.code, *{name.split(".")[0] for name in sys.modules}, file=sys.stderr)
"""
    command = [sys.executable, "-c", code, "--workspace", str(workspace), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    _, number, *modules = done.stderr.splitlines()[-1].split()
    return number, set(modules)


@pytest.mark.parametrize(
    "words, exit_code, forbidden",
    [
        (("cache", "ls"), "None", TORCH),
        (("tables", "medusa-14"), "1", PANDAS),
        (("plan", "medusa-14"), "1", PANDAS),
        (("plan", "--backbone", "wavlm"), "1", PANDAS),
        (("extract", "--backbone", "wavlm"), "1", PANDAS),
        (("transcribe",), "1", PANDAS),
        (("runs",), "None", ("torch", "transformers")),
        (("--help",), "0", (*PANDAS, "numpy", "yaml", "rich")),
    ],
)
def test_an_empty_workspace_loads_no_heavy_library(tmp_path, words, exit_code, forbidden):
    number, modules = loaded(tmp_path, *words)
    assert number == exit_code
    assert not modules & set(forbidden)


def test_listing_stores_loads_no_torch(tmp_path):
    folder = tmp_path / "features"
    spec = FeatureSpec("toy", "toy", "local", "1", "audio", (1,), "none", "float16", 4, 0.02, {})
    with StoreWriter(folder / spec.folder, spec) as writer:
        writer.append("content", np.ones((1, 3, 4), np.float32))
    number, modules = loaded(tmp_path, "cache", "ls")
    assert number == "None"
    assert not modules & set(TORCH)


def test_a_command_has_at_most_13_options():
    context = click.Context(cli.medusa)

    def leaves(command, words):
        if not isinstance(command, click.Group):
            yield " ".join(words), [one for one in command.params if isinstance(one, click.Option)]
            return
        for name in command.list_commands(context):
            yield from leaves(command.get_command(context, name), [*words, name])

    counts = {words: len(options) for words, options in leaves(cli.medusa, [])}
    assert len(counts) > 40
    assert {words: count for words, count in counts.items() if count > 13} == {}


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii", "utf-8"])
def test_results_are_printed_to_streams_that_lack_some_signs(tmp_path, encoding):
    rows = "u1,a,glücklich,s1\nu2,b,悲しい,s2\n"
    (tmp_path / "t.csv").write_text(f"id,text,label,speaker\n{rows}", encoding="utf-8")
    words = ["--workspace", tmp_path, "manifest", "import", "csv", tmp_path / "t.csv"]
    done = subprocess.run(
        [sys.executable, "-m", "medusa.cli", *map(str, words)],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert "glücklich".encode(encoding, "replace") in done.stdout
    assert "悲しい".encode(encoding, "replace") in done.stdout


def test_names_that_look_like_markup_are_printed_as_they_are(capsys):
    table(["[/x]", "[bold]b"], [["[/y]", 1]], "[red]of [/z]")
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("[/x]", "[bold]b", "[/y]", "[red]of [/z]"))


def test_a_prediction_with_a_bundle_does_not_propose_to_bundle_it(tmp_path: Path) -> None:
    (tmp_path / "bundle.json").touch()
    step = NEXT["predict"]
    assert step({"model": str(tmp_path)}) == f"medusa serve {tmp_path}, for a page on this machine"
    assert step({"model": "s"}) == "medusa bundle s -o FOLDER, to hand the model on"


def test_an_error_writes_out_the_control_characters_of_a_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise MedusaError("u\x1b[31m\x07: no such [/x] utterance")

    monkeypatch.setattr(cli.medusa, "main", fail)
    with pytest.raises(SystemExit, match="1"):
        cli.main()
    assert capsys.readouterr().err == "medusa: u\\x1b[31m\\x07: no such [/x] utterance\n"
