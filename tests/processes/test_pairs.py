"""Two commands at once: each ends well or in one sentence, and the results are right.

`MEDUSA_PAIR_ROUNDS=10` is the number of rounds of each pair. The short version has fewer pairs.
"""

import random
from pathlib import Path

import pytest

from medusa.tests.counts import LONG, count
from medusa.tests.processes.warmed import Command
from medusa.tests.processes.workspaces import CPU, FIT, Templates, damaged, outcome

ROUNDS = count("MEDUSA_PAIR_ROUNDS", 1, 10)
SMALL = ("--set", "head.name=discriminant")
SOUND = [
    *(("extract", "extract"), ("extract", "extract-whisper"), ("extract", "transcribe")),
    *(("transcribe", "transcribe"), ("extract-whisper", "transcribe"), ("import", "import")),
    *(("import", "split"), ("import", "extract"), ("split", "split-again"), ("split", "fit")),
    *(("extract", "fit"), ("extract", "predict"), ("predict", "predict"), ("extract", "verify")),
    *(("predict", "transcribe"), ("refit", "predict"), ("bundle", "bundle"), ("refit", "bundle")),
    *(("fit", "gc"), ("extract", "archive"), ("transcribe", "split")),
]
TOY = [
    *(("fit", "fit"), ("refit", "stack"), ("stack", "stack"), ("run", "run"), ("run", "verify")),
    *(("run", "fit"), ("cross-validate", "cross-validate"), ("refit", "report")),
    *(("refit", "evaluate"), ("relabel", "fit")),
]
PAIRS = [("sound", *pair) for pair in SOUND] + [("toy", *pair) for pair in TOY]
CHOSEN = PAIRS if LONG else [PAIRS[3], PAIRS[6], ("toy", "fit", "fit")]


def words_of(templates: Templates, command: str, home: Path) -> tuple[object, ...]:
    clips = sorted((templates.sound / "audio").glob("*.wav"))[:8]
    [store] = (templates.sound / "features").glob("wavlm*")
    return {
        "extract": templates.extract("wavlm", "--layers", "1-2"),
        "extract-whisper": templates.extract("whisper"),
        "transcribe": templates.transcribe("words"),
        "import": ("manifest", "import", "csv", home / "table.csv", "--force"),
        "split": ("manifest", "split", "random", "--seed", "1", "--force"),
        "split-again": ("manifest", "split", "random", "--seed", "2", "--force"),
        "relabel": ("manifest", "relabel", "--classes", "angry+happy,sad"),
        "predict": ("predict", "a", *clips, "-o", home / "out.csv", "--workspace", home, *CPU),
        "fit": (*FIT, *SMALL, "--name", "k", *features(home)),
        "refit": (*FIT, "--name", "a", "--force", *features(home)),
        "stack": ("stack", "a", "b", "--name", "s", "--method", "linear"),
        "run": ("run", home / "toy.yaml", *CPU),
        "cross-validate": ("cross-validate", *CPU, "--k", "2", "--set", "head.name=logistic"),
        "verify": ("verify",),
        "gc": ("cache", "gc"),
        "archive": ("cache", "archive", store.name, home / "archived.zarr", "--force"),
        "bundle": ("bundle", "a", "-o", home / "bundled", "--force"),
        "report": ("report", "a", "-o", home / "a.html"),
        "evaluate": ("evaluate", "a"),
    }[command]


def features(home: Path) -> tuple[str, ...]:
    """Return the option that names the features of the template, in the first workspace only."""
    stores = [store.stem for store in (home / "features").glob("wavlm*")]
    return ("--backbones", stores[0]) if stores else ("--set", f"seed={ord('a')}")


@pytest.mark.parametrize(("name", "first", "second"), CHOSEN, ids=map("-".join, CHOSEN))
def test_two_commands_at_once(
    templates: Templates, tmp_path: Path, name: str, first: str, second: str
) -> None:
    home, logs = tmp_path / "home", (tmp_path / "1.log", tmp_path / "2.log")
    templates.copy(name, home)
    words = {
        command: ("--workspace", home, *words_of(templates, command, home))
        for command in (first, second)
    }
    allowed = []
    for order in dict.fromkeys([(first, second), (second, first)]):
        templates.copy(name, home)
        assert all([alone(logs[0], words[command]) for command in order])
        allowed.append(outcome(home))
    rng = random.Random(f"{first} {second}")
    refusals = []
    for _ in range(ROUNDS):
        templates.copy(name, home)
        jobs = [Command(logs[0], *words[first])]
        jobs[0].process.join(rng.choice((0, 0, rng.uniform(0, 2))))
        jobs.append(Command(logs[1], *words[second]))
        for job in jobs:
            if not job.ended():
                refusals.append(job.said().strip().splitlines()[-1])
                assert refusals[-1].startswith("medusa: ")
        for job, command in zip(jobs, (first, second), strict=True):
            if job.process.exitcode:
                assert alone(tmp_path / "3.log", words[command])
        assert outcome(home) in allowed
        assert not damaged(home)
    print(f"{first} and {second}: {len(refusals)} refused", *set(refusals), sep="\n  ")


def alone(log: Path, words: tuple[object, ...]) -> bool:
    command = Command(log, *words)
    assert command.ended(), command.said()
    return True
