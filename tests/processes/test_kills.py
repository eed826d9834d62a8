"""Commands killed at any moment: the next one continues, and ends in the same bits.

`MEDUSA_KILLS=500` is the number of kills of all commands together.
"""

import random
import time
from pathlib import Path

import pytest

from medusa.tests.counts import count
from medusa.tests.processes.warmed import Command
from medusa.tests.processes.workspaces import CPU, FIT, Templates, damaged, different, outcome

# A command -> its template, the seconds of a kill that comes at the latest, and its writers.
COMMANDS = {
    **{"extract": ("sound", 2), "transcribe": ("sound", 1), "import": ("sound", 1)},
    **{"predict": ("sound", 1), "fit-head": ("toy", 1), "stack": ("toy", 1), "run": ("toy", 1)},
}
KILLS = count("MEDUSA_KILLS", len(COMMANDS) * 2, 500)
MOST_ATTEMPTS = 60


def words_of(templates: Templates, command: str, home: Path) -> tuple[object, ...]:
    clips = sorted((templates.sound / "audio").glob("*.wav"))
    return {
        "extract": templates.extract("wavlm", "--layers", "1-2"),
        "transcribe": templates.transcribe("words"),
        "import": ("manifest", "import", "csv", home / "table.csv", "--force"),
        "predict": ("predict", "a", *clips, "-o", home / "out.csv", "--workspace", home, *CPU),
        "fit-head": (*FIT, "--name", "k", "--folds", "2"),
        "stack": ("stack", "a", "b", "--name", "s", "--method", "linear"),
        "run": ("run", home / "toy.yaml", *CPU),
    }[command]


@pytest.mark.parametrize("command", COMMANDS)
def test_killed_at_any_moment_the_end_is_the_same(
    templates: Templates, tmp_path: Path, command: str
) -> None:
    name, writers = COMMANDS[command]
    home, logs = tmp_path / "home", [tmp_path / f"{number}.log" for number in range(writers)]
    words = ("--workspace", home, *words_of(templates, command, home))
    templates.copy(name, home)
    assert Command(logs[0], "--workspace", home, "verify").ended()  # The server has begun.
    begun = time.monotonic()
    assert Command(logs[0], *words).ended()
    longest_s, straight = 1.2 * (time.monotonic() - begun), outcome(home)
    rng, wanted = random.Random(command), -(-KILLS // len(COMMANDS))
    kills, whole = 0, 0
    while kills < wanted:
        templates.copy(name, home)
        for attempt in range(MOST_ATTEMPTS):
            jobs = [Command(log, *words) for log in logs]
            last = kills >= wanted or attempt + 1 == MOST_ATTEMPTS
            if last:
                ended = [job.ended() for job in jobs]
            else:
                ended = [not job.killed(rng.uniform(0, longest_s)) for job in jobs]
                ended = [job.ended() if done else False for job, done in zip(jobs, ended)]  # noqa: B905
                kills += sum(job.process.exitcode == -9 for job in jobs)
                assert not damaged(home)
            if all(ended):
                break
        assert different(outcome(home), straight) == []
        whole += 1
    print(f"{command}: {kills} kills, {whole} ends")
