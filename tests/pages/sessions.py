"""How the blocks of each page are run: in which workspace, and what a test puts in their place."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medusa.recipes.definition.files import read_values
from medusa.recipes.synthetic.checkpoints import LAYERS
from medusa.tests.command_line import call
from medusa.tests.pages.blocks import COMMANDS, PYTHON, Block, name_of, runnable
from medusa.workspace import Workspace


@dataclass(frozen=True)
class Session:
    """How the blocks of one page are run.

    Attributes:
        empty: whether the workspace is empty. Otherwise README's session has filled it: it has
            features of four backbones, the heads `a` and `b`, and their stack `s`.
        replaced: texts of the page that only a reader's machine has, and those of the test.
        skipped: commands that are not run, and the reason.
        yaml: the function that reads the YAML of the page.
        before: commands that make what the page expects.
    """

    empty: bool = False
    replaced: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    yaml: Callable[[Path], Any] | None = None
    before: Sequence[str] = ()

    def put_in(self, text: str, features: Path) -> str:
        """Return a text of the page with the replacements; `*` stands for the name of a store."""
        for old, new in self.replaced.items():
            text = text.replace(old, next(features.glob(new)).name if "*" in new else new)
        return text


def open_as_workspace(path: Path) -> Workspace:
    """Read a `medusa.yaml`."""
    path.rename(path.with_name("medusa.yaml"))
    return Workspace.open(path.parent)


WEIGHTS = "--set transcriber=checkpoints/whisper.pt " + " ".join(
    f"--set {name}=checkpoints/{file}"
    for name, file in {"wavlm": "wavlm", "roberta": "roberta", "whisper": "whisper.pt"}.items()
)
FOLDS = "It needs folds; docs/how-to/out-of-fold.md runs it."
GREEDY = "medusa stack --method linear --set soup=greedy"
MATRIX = "It needs workspaces of two corpora; tests/recipes makes them."
RUNS = "medusa matrix emodb ravdess --run s"
LONG = "It trains for minutes; README's session runs the command."
SESSIONS = {
    "README.md": Session(
        empty=True,
        replaced={
            "--layers 9": f"--layers {LAYERS}",
            "12,16,20,24,28": "0,1,2",
            "medusa transcribe": "medusa transcribe --set max_tokens=8",
            "--stack shrunken": "--stack shrunken --k 3",
        },
        skipped={
            "pip install -c constraints.txt .": "The environment of the tests has the package.",
            "medusa serve s": "It serves until it is stopped.",
            "medusa push emotions YOU/emotions": "It needs an account; tests/inference has a stub.",
            "medusa import-checkpoint their.pt --like medusa-published --name c": (
                "It needs weights; tests/heads/imported makes some."
            ),
            "medusa run medusa-14": "It is hours long; the line below runs it small.",
            "medusa run medusa-14 --tiny": "tests/recipes runs every recipe like this.",
        },
    ),
    "docs/api.md": Session(
        empty=True,
        replaced={
            '"large-v3")': '"checkpoints/whisper.pt", medusa.TranscriptionOptions(max_tokens=8))'
        },
    ),
    "docs/cache.md": Session(
        replaced={
            "wavlm-1a2b3c4d.zarr": "wavlm-*.zarr",
            '"u1"': '"03a01Wa"',
            '"u2", "u7"': '"03a01La"',
        },
        skipped={
            "medusa cache import-npy FOLDER --backbone NAME": "tests/cache has such a folder."
        },
    ),
    "docs/corpora.md": Session(
        empty=True,
        replaced={
            "medusa manifest import csv": "medusa --workspace c manifest import csv",
            "angry,happy+excited=happy,sad,neutral": "anger,happiness+fear=happiness,neutral",
            "id=Clip --soft": "id=Clip,path=File --force --soft",
        },
        before=[f"medusa --workspace {name} manifest import emodb PATH/TO/emodb" for name in "ab"],
    ),
    "docs/ensembles.md": Session(
        replaced={"--top 7": "--top 2", "forest --set": "forest --fit-on train --in-sample --set"},
        skipped={
            "medusa stack --fit-on out-of-fold --name folds": FOLDS,
            f"{GREEDY} --fit-on out-of-fold --name greedy": FOLDS,
        },
    ),
    "docs/extraction.md": Session(replaced={"FILE": "checkpoints/whisper.pt"}),
    "docs/heads.md": Session(
        replaced={"egemaps,wavlm:layer_9": "wavlm,whisper:layer_1", "0-4": "0-1", "128": "16"}
    ),
    "docs/how-to/ablate.md": Session(yaml=lambda path: path.rename(path.with_name("mine.yaml"))),
    "docs/how-to/out-of-fold.md": Session(replaced={"--folds 5": "--folds 3"}),
    "docs/how-to/plan-a-week.md": Session(replaced={"100000 --hours 160": "100 --hours 0.2"}),
    "docs/how-to/small-corpus.md": Session(
        empty=True,
        before=[
            "medusa manifest import csv PATH/TO/table.csv "
            "--columns path=file,label=emotion,speaker=person",
            "medusa extract --backbone logmel",
        ],
        replaced={"--k 10": "--k 3"},
        yaml=read_values,
    ),
    "docs/judging.md": Session(
        skipped={
            "medusa stress s": "The line below has two conditions.",
            "medusa matrix emodb ravdess --backbones whisper:4 --set head.name=logistic": MATRIX,
            f"{RUNS} --map calm=neutral --score uar --format markdown": MATRIX,
        }
    ),
    "docs/predict.md": Session(
        replaced={
            "bundle s -o emotions": "bundle s -o emotions --force",
            "predict emotions": f"predict emotions {WEIGHTS}",
        },
        skipped={
            "ls '*.wav' '|' medusa predict s - --format jsonl": "tests/inference reads paths so.",
            "medusa push emotions USER/NAME": "It needs the Hub; tests/inference has a stand-in.",
            "medusa pull USER/NAME -o emotions": "It needs the Hub; see the line above.",
        },
    ),
    "docs/recipes.md": Session(
        skipped={
            "medusa run medusa-14 --cross-validate speaker --k 10": LONG,
            "medusa cross-validate --backbones wavlm --backbones roberta --stack shrunken": LONG,
        },
        replaced={"whisper:3": "whisper:2", "--k 10": "--k 3"},
        yaml=read_values,
    ),
    "docs/slurm.md": Session(
        empty=True,
        before=["medusa manifest import emodb PATH/TO/emodb"],
        skipped={"bash job.sh": "It needs Slurm; tests/recipes/slurm runs the script."},
    ),
    "docs/start.md": Session(empty=True),
    "docs/workspace.md": Session(yaml=open_as_workspace),
}


def run_page(page: Path, workspace: Path) -> None:
    """Run the blocks of a page one after the other, in one workspace.

    The working folder must be the workspace. Python programs share their names.
    """
    session = SESSIONS.get(name_of(page), Session())
    for line in session.before:
        call(workspace, *shlex.split(line)[1:])
    names: dict[str, object] = {}
    for block in runnable(page):
        try:
            _run(block, session, workspace, names)
        except Exception as problem:
            problem.add_note(
                f"{block.place}: the block fails. Mend it, or write `<!-- not run: REASON -->` on "
                "the line above it; tests/pages/sessions.py can replace single words."
            )
            raise


def _run(block: Block, session: Session, workspace: Path, names: dict[str, object]) -> None:
    """Run one block."""
    if block.language == PYTHON:
        program = "\n" * (block.line - 1) + session.put_in(block.text, workspace / "features")
        exec(compile(program, block.place, "exec"), names)
    elif block.language == COMMANDS:
        for line in block.commands():
            if line not in session.skipped:
                _call(workspace, shlex.split(session.put_in(line, workspace / "features")))
    else:
        assert session.yaml is not None, f"no function reads the {block.language}"
        path = workspace / f"{Path(block.place).stem}-{block.line}.yaml"
        path.write_text(block.text, encoding="utf-8")
        session.yaml(path)


def _call(workspace: Path, words: list[str]) -> None:
    """Run a command; `> FILE` at its end receives what it prints."""
    assert words[0] == "medusa", f"{shlex.join(words)} is no command of medusa"
    command, target = (words[:-2], words[-1]) if words[-2] == ">" else (words, None)
    result = call(workspace, *command[1:])
    if target:
        (workspace / target).write_text(result.stdout, encoding="utf-8")
