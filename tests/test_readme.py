"""README's session on one's own corpus runs, on made-up recordings and small checkpoints."""

import shlex
import shutil
from pathlib import Path

import pytest

from medusa.recipes.synthetic.checkpoints import LAYERS, write_checkpoints
from medusa.tests.command_line import call
from medusa.tests.test_api import recordings

PAGE = Path(__file__).resolve().parents[1] / "README.md"
# A line that is not run, and the reason.
SKIPPED = {
    "pip install -c constraints.txt .": "The environment of the tests has the package.",
    "medusa serve s": "It serves until it is stopped; tests/inference/serve has its tests.",
}
# Words that only a reader's machine has, and those of the test.
REPLACED = {
    "--layers 9 ": f"--layers {LAYERS} ",
    "--layers 12,16,20,24,28 ": "--layers 0,1,2 ",
}
SHORT = "--set stages.0.epochs=1 --set stages.1.epochs=1 --set head.width=16 --set train.draws=2"
# A command -> the words that are added to it, so that it trains for seconds.
ADDED = {"fit-head": SHORT, "cross-validate": f"{SHORT} --k 3"}


def lines() -> list[str]:
    """Return the lines of the session without comments."""
    block = PAGE.read_text(encoding="utf-8").split("## On your own corpus\n")[1].split("```")[1]
    found = [shlex.split(line, comments=True) for line in block.splitlines()]
    return [shlex.join(words) for words in found if words]


def test_the_session_has_every_step_and_few_lines_are_skipped() -> None:
    commands = [line.split()[1] for line in lines() if line not in SKIPPED]
    assert set(commands) >= {"manifest", "probe-layers", "extract", "baseline", "cross-validate"}
    assert all(line in SKIPPED or line.startswith("medusa ") for line in lines())
    assert set(SKIPPED) <= set(lines())


def test_the_session_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus, few = recordings(tmp_path / "emodb"), tmp_path / "few"
    few.mkdir()
    for path in sorted(corpus.iterdir())[:2]:
        shutil.copy(path, few)
    paths = write_checkpoints(tmp_path / "checkpoints", ["one sentence", "and another one"], 0)
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    monkeypatch.chdir(workspace)
    for line in lines():
        if line in SKIPPED:
            continue
        text = f"{line} ".replace("PATH/TO/emodb", str(corpus))
        text = text.replace("PATH/TO/recordings", str(few))
        for old, new in REPLACED.items():
            text = text.replace(old, new)
        words = shlex.split(text)[1:]
        if "--backbone" in words:
            words += ["--checkpoint", str(paths[words[words.index("--backbone") + 1]])]
        if words == ["transcribe"]:
            words += ["--model", str(paths["whisper"])]
        call(workspace, *words, *shlex.split(ADDED.get(words[0], "")))
    assert (workspace / "report.html").is_file()
    rows = (workspace / "emotions.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 2
    made = {path.parent.name for path in (workspace / "runs").glob("*/finished")}
    assert {"a", "b", "s", "baseline-svm-all", "baseline-logistic-whisper-each"} <= made
